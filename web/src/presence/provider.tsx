// Presence for the page: who is looked at is watched at the site, and this tab is a device of its person.

import { createContext, useCallback, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import type { Live } from "../live/connection";
import { useLive, useLiveEvent, useWhenUp } from "../live/provider";
import { Book, type Mine, type Presence } from "./model";
import { Pacer } from "./pacing";

const AWAY_MS = 5 * 60_000;
const TOGETHER_MS = 50;
const AT_ONCE = 500;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

interface Watched {
  people: Presence[];
  homes: Record<string, boolean>;
}

interface Held {
  book: Book;
  mine: Mine | undefined;
  choose: (changes: Record<string, unknown>) => Promise<void>;
}

const Context = createContext<Held | undefined>(undefined);

/** A page that hears of a thousand changes a second shows them as it can. */
function paced(): Book {
  const book = new Book();
  const pacer = new Pacer({
    tell: (aor) => { book.tell(aor); },
    frame: (work) => { requestAnimationFrame(work); },
    now: () => performance.now(),
  });
  book.onChange = pacer.add;
  return book;
}

/** Watches in a moment whom many components begin to look at now, by one question. */
function useBook(): Book {
  const live = useLive();
  const [book] = useState(paced);
  useEffect(() => {
    const begun = new Set<string>();
    const ended = new Set<string>();
    let timer: number | undefined;
    const ask = () => {
      timer = undefined;
      const [first, last] = [[...begun], [...ended]];
      begun.clear();
      ended.clear();
      if (live) void watch(live, book, first, false);
      if (last.length > 0) live?.ask("presence.unwatch", { people: last }).catch(() => undefined);
    };
    book.onWatch = (aor, watched) => {
      (watched ? ended : begun).delete(aor);
      (watched ? begun : ended).add(aor);
      timer ??= window.setTimeout(ask, TOGETHER_MS);
    };
    return () => { window.clearTimeout(timer); };
  }, [book, live]);
  useWhenUp((up) => { void watch(up, book, book.watched(), true); });
  useLiveEvent("presence", (told) => { book.take(told as unknown as Presence); });
  useLiveEvent("presence.homes", ({ homes }) => { book.hear(homes as Record<string, boolean>); });
  return book;
}

async function watch(live: Live, book: Book, people: readonly string[], anew: boolean): Promise<void> {
  for (let from = 0; from < people.length; from += AT_ONCE) {
    try {
      const told = (await live.ask("presence.watch", { people: people.slice(from, from + AT_ONCE) })) as Watched;
      book.hear(told.homes);
      for (const one of told.people) book.take(one, anew);
    } catch {
      return; // the connection is gone, or the site is busy: when it is up again everybody is watched anew
    }
  }
}

/** Tells the site whether this tab is used: after five minutes without a sign of anybody it isn't. */
function useDevice(): void {
  const live = useLive();
  useEffect(() => {
    if (!live) return;
    let active = true;
    let timer = 0;
    const tell = () => { live.ask("presence.device", { active }).catch(() => undefined); };
    const idle = () => { active = false; tell(); };
    const used = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(idle, AWAY_MS);
      if (active) return;
      active = true;
      tell();
    };
    const up = () => { if (live.status() === "up") tell(); };
    for (const sign of SIGNS) window.addEventListener(sign, used, { passive: true, capture: true });
    const unwatch = live.watch(up);
    used();
    up();
    return () => {
      window.clearTimeout(timer);
      for (const sign of SIGNS) window.removeEventListener(sign, used, { capture: true });
      unwatch();
    };
  }, [live]);
}

function useMine(): Pick<Held, "mine" | "choose"> {
  const live = useLive();
  const [mine, setMine] = useState<Mine>();
  const ask = (up: Live) => { up.ask("presence.mine").then((told) => { setMine(told as Mine); }, () => undefined); };
  useWhenUp(ask);
  useLiveEvent("presence.mine", () => { if (live) ask(live); });
  const choose = useCallback(
    async (changes: Record<string, unknown>) => {
      if (live) setMine((await live.ask("presence.set", changes)) as Mine);
    },
    [live],
  );
  return { mine, choose };
}

/** For what is inside of LiveProvider. */
export function PresenceProvider({ children }: { children: ReactNode }) {
  const book = useBook();
  useDevice();
  const { mine, choose } = useMine();
  return <Context value={{ book, mine, choose }}>{children}</Context>;
}

const NEVER = () => () => undefined;

/** How somebody is; undefined while that is not known. */
export function usePresence(aor: string): { one: Presence | undefined; current: boolean } {
  const book = useContext(Context)?.book;
  const look = useCallback((told: () => void) => book?.look(aor, told) ?? NEVER(), [book, aor]);
  const one = useSyncExternalStore(book ? look : NEVER, () => book?.of(aor));
  return { one, current: one !== undefined && book?.isCurrent(one) === true };
}

/** One's own presence, and how to set it; undefined before the site has told it. */
export function useMyPresence(): { mine: Mine | undefined; choose: Held["choose"] } {
  const held = useContext(Context);
  return { mine: held?.mine, choose: held?.choose ?? (() => Promise.resolve()) };
}
