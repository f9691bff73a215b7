import {
  Button, createDOMRenderer, FluentProvider, makeStyles, RendererProvider, Text, ToggleButton, tokens, webDarkTheme,
} from "@fluentui/react-components";
import { useEffect, useMemo, useState } from "react";
import { createPortal } from "react-dom";
import type { Call } from "../calls/model";
import type { Phone } from "../calls/phone";
import { direction, language, say } from "../messages";
import { Picture } from "./Video";

interface Floats {
  requestWindow(size: { width: number; height: number }): Promise<Window>;
}

const floats = () => (window as unknown as { documentPictureInPicture?: Floats }).documentPictureInPicture;

/** Whether a call can be shown in a small window that stays before all others; else its picture at least. */
export const canFloat = (theirs: MediaStreamTrack | undefined) =>
  floats() !== undefined || (theirs !== undefined && document.pictureInPictureEnabled);

/** Open the window; undefined where the browser has none but that of a picture. Only good in a click. */
export async function float(picture: HTMLVideoElement | null): Promise<Window | undefined> {
  const made = await floats()?.requestWindow({ width: 320, height: 280 });
  if (made === undefined) await picture?.requestPictureInPicture();
  return made;
}

const useStyles = makeStyles({
  all: { display: "flex", flexDirection: "column", minHeight: "100vh", gap: tokens.spacingVerticalS },
  picture: { width: "100%", flexGrow: 1, minHeight: 0 },
  words: { display: "flex", justifyContent: "space-between", padding: `0 ${tokens.spacingHorizontalM}` },
  buttons: { display: "flex", gap: tokens.spacingHorizontalS, padding: tokens.spacingHorizontalM },
});

interface Props {
  call: Call;
  name: string;
  phone: Phone;
  into: Window;
}

/** A call in a small window: who, for how long, mute, hang up. */
export default function Floating({ call, name, phone, into }: Props) {
  const renderer = useMemo(() => {
    // Styles there need the nonce of the page, whose content policy that window has.
    const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
    return createDOMRenderer(into.document, { styleElementAttributes: { nonce } });
  }, [into]);
  useEffect(() => {
    into.document.title = name;
    into.document.documentElement.lang = language;
    return () => { into.close(); };
  }, [into, name]);
  return createPortal(
    <RendererProvider renderer={renderer} targetDocument={into.document}>
      <FluentProvider dir={direction} theme={webDarkTheme} targetDocument={into.document}>
        <Small call={call} name={name} phone={phone} />
      </FluentProvider>
    </RendererProvider>,
    into.document.body,
  );
}

function Small({ call: { id, seen, since, muted }, name, phone }: Omit<Props, "into">) {
  const styles = useStyles();
  const time = useTimeSince(since);
  return (
    <main className={styles.all}>
      {seen?.theirs && <Picture track={seen.theirs} label={say("theirPicture", { name })} className={styles.picture} />}
      <div className={styles.words}>
        <Text weight="semibold">{name}</Text>
        <Text>{time}</Text>
      </div>
      <div className={styles.buttons}>
        <ToggleButton checked={muted} onClick={() => { phone.mute(id, !muted); }}>
          {say("mute")}
        </ToggleButton>
        <Button onClick={() => { phone.hangUp(id); }}>{say("hangUp")}</Button>
      </div>
    </main>
  );
}

/** Minutes and seconds since then, again each second. */
function useTimeSince(since: number | undefined): string {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => { setNow(Date.now()); }, 1000);
    return () => { window.clearInterval(timer); };
  }, []);
  const seconds = Math.max(0, Math.floor((now - (since ?? now)) / 1000));
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, "0")}`;
}
