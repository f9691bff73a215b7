// The tab's one WebSocket to its site, for whatever of the page wants to be told or to ask.

import { createContext, useContext, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { accessToken } from "../api/signin";
import { Live, type Event, type Status } from "./connection";

const Context = createContext<Live | undefined>(undefined);
const NEVER = () => () => undefined;
const CONNECTING = (): Status => "connecting";

/** Holds the connection open while it is shown. For who is signed in. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [live, setLive] = useState<Live>();
  useEffect(() => {
    const made = new Live({ url: `wss://${location.host}/live`, token: accessToken });
    made.start();
    setLive(made);
    return () => { made.stop(); };
  }, []);
  return <Context value={live}>{children}</Context>;
}

/** The connection; undefined for the first moment, and outside of the provider. */
export const useLive = (): Live | undefined => useContext(Context);

/** How it stands with the connection. */
export function useLiveStatus(): Status {
  const live = useLive();
  return useSyncExternalStore(live?.watch ?? NEVER, live?.status ?? CONNECTING);
}

/** Hear events of one name while the component is shown. */
export function useLiveEvent(name: string, listener: (event: Event) => void): void {
  const live = useLive();
  const latest = useRef(listener);
  useEffect(() => { latest.current = listener; });
  useEffect(() => live?.on(name, (event) => { latest.current(event); }), [live, name]);
}

/** Do it now and each time the connection is there again: what the site forgot with the old one is asked for anew. */
export function useWhenUp(work: (live: Live) => void): void {
  const live = useLive();
  const status = useLiveStatus();
  const latest = useRef(work);
  useEffect(() => { latest.current = work; });
  useEffect(() => {
    if (live && status === "up") latest.current(live);
  }, [live, status]);
}
