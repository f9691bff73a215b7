import { makeStyles, MessageBar, MessageBarBody, tokens } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { cameraTrack, chooseCamera, chosenCamera } from "../calls/camera";
import type { Phone } from "../calls/phone";
import { say } from "../messages";
import { Panel } from "./Panel";
import { Choice, useDevices } from "./Sound";
import { Picture } from "./Video";

const useStyles = makeStyles({
  fields: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  preview: { width: "100%", transform: "scaleX(-1)", backgroundColor: tokens.colorNeutralBackground6 },
});

/** Which camera shows one, and what it shows. */
export function Camera({ phone, onClose }: { phone: Phone | undefined; onClose: () => void }) {
  return (
    <Panel title={say("camera")} onClose={onClose}>
      <Preview phone={phone} />
    </Panel>
  );
}

function Preview({ phone }: { phone: Phone | undefined }) {
  const styles = useStyles();
  const [now, setNow] = useState(chosenCamera);
  const { track, reason } = useCamera(now);
  const devices = useDevices(track !== undefined).filter(({ kind }) => kind === "videoinput");
  const change = (id: string) => {
    chooseCamera(id);
    setNow(id);
    void phone?.changeCameras();
  };
  return (
    <div className={styles.fields}>
      <Choice label={say("cameraUsed")} devices={devices} value={now} onChange={change} />
      {reason !== undefined && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>{say("noCamera", { reason })}</MessageBarBody>
        </MessageBar>
      )}
      {track && <Picture track={track} label={say("myPicture")} className={styles.preview} />}
    </div>
  );
}

/** The picture of the camera of that id, or why there is none. */
function useCamera(id: string): { track?: MediaStreamTrack; reason?: string } {
  const [found, setFound] = useState<{ track?: MediaStreamTrack; reason?: string }>({});
  useEffect(() => {
    let over = false;
    let taken: MediaStreamTrack | undefined;
    cameraTrack()
      .then((track) => {
        taken = track;
        if (over) track.stop();
        else setFound({ track });
      })
      .catch((error: unknown) => {
        if (!over) setFound({ reason: error instanceof Error ? error.message : String(error) });
      });
    return () => {
      over = true;
      taken?.stop();
    };
  }, [id]);
  return found;
}
