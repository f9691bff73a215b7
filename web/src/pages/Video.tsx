import { Button, makeStyles, mergeClasses, Text, ToggleButton, tokens } from "@fluentui/react-components";
import { useEffect, useRef, useState } from "react";
import { canShareScreens } from "../calls/camera";
import type { Call } from "../calls/model";
import type { Phone } from "../calls/phone";
import type { Source } from "../calls/pictures";
import { say } from "../messages";
import Floating, { canFloat, float } from "./Floating";

const useStyles = makeStyles({
  pictures: { position: "relative", backgroundColor: tokens.colorNeutralBackground6, overflow: "hidden" },
  theirs: { display: "block", width: "100%", maxHeight: "70vh" },
  // One's own is small, in the corner of theirs; alone it has the place.
  corner: {
    position: "absolute",
    bottom: tokens.spacingVerticalS,
    insetInlineEnd: tokens.spacingHorizontalS,
    width: "30%",
    maxWidth: "12rem",
    boxShadow: tokens.shadow8,
  },
  alone: { display: "block", width: "100%", maxHeight: "40vh" },
  mirrored: { transform: "scaleX(-1)" },
  buttons: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

interface Props {
  call: Call;
  name: string;
  phone: Phone;
}

/** What is to be seen of a call, and what is shown to the other end. */
export default function Video({ call, name, phone }: Props) {
  const { id, seen } = call;
  const styles = useStyles();
  const [small, setSmall] = useState<Window>();
  const shrink = async () => {
    const made = await float(document.querySelector(`[data-theirs="${seen?.theirs?.id ?? ""}"]`));
    made?.addEventListener("pagehide", () => { setSmall(undefined); });
    setSmall(made);
  };
  const [reason, setReason] = useState<string>();
  const show = (source: Source, shown: boolean) => {
    setReason(undefined);
    phone.picturesOf(id)?.show(source, shown).catch((error: unknown) => {
      // Who chose no screen after all needs no word about it.
      const chose = !(error instanceof DOMException && source === "screen" && error.name === "NotAllowedError");
      if (chose) setReason(error instanceof Error ? error.message : String(error));
    });
  };
  const { mine, theirs, camera = false, screen = false, paused = false, refused = false } = seen ?? {};
  return (
    <>
      {(mine ?? theirs) && (
        <div className={styles.pictures}>
          {theirs && <Picture track={theirs} label={say("theirPicture", { name })} className={styles.theirs} />}
          {mine && (
            <Picture
              track={mine}
              label={say("myPicture")}
              // One knows oneself from mirrors; a screen has to be read.
              className={mergeClasses(theirs ? styles.corner : styles.alone, !screen && styles.mirrored)}
            />
          )}
        </div>
      )}
      {theirs && !mine && <Text>{say("theyShow", { name })}</Text>}
      {refused && <Text>{say("noPictures", { name })}</Text>}
      {reason !== undefined && <Text>{say(screen ? "noScreen" : "noCamera", { reason })}</Text>}
      <div className={styles.buttons}>
        <ToggleButton checked={camera} onClick={() => { show("camera", !camera); }}>
          {say("camera")}
        </ToggleButton>
        {canShareScreens() && (
          <ToggleButton checked={screen} onClick={() => { show("screen", !screen); }}>
            {say("shareScreen")}
          </ToggleButton>
        )}
        {mine && (
          <ToggleButton checked={paused} onClick={() => { phone.picturesOf(id)?.pause(!paused); }}>
            {say("pausePicture")}
          </ToggleButton>
        )}
        {theirs && document.fullscreenEnabled && (
          <Button onClick={() => { void document.querySelector(`[data-theirs="${theirs.id}"]`)?.requestFullscreen(); }}>
            {say("fullScreen")}
          </Button>
        )}
        {canFloat(theirs) && !small && (
          <Button onClick={() => { void shrink().catch(() => undefined); }}>{say("smallWindow")}</Button>
        )}
      </div>
      {small && <Floating call={call} name={name} phone={phone} into={small} />}
    </>
  );
}

interface PictureProps {
  track: MediaStreamTrack;
  label: string;
  className: string;
}

/** What is heard is played by an element of its own. */
export function Picture({ track, label, className }: PictureProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (element.current) element.current.srcObject = new MediaStream([track]);
  }, [track]);
  return <video ref={element} data-theirs={track.id} className={className} aria-label={label} autoPlay playsInline muted />;
}
