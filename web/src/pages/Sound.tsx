import { Field, makeStyles, MessageBar, MessageBarBody, ProgressBar, Select, Text, tokens } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import type { Phone } from "../calls/phone";
import { choose, chosen, hasSpeakers, levelOf, microphone, type Chosen } from "../calls/sound";
import { say } from "../messages";
import { Panel } from "./Panel";

const LOOK_MS = 100;

const useStyles = makeStyles({
  fields: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
});

/** Where one is heard from, and hears. */
export function Sound({ phone, onClose }: { phone: Phone | undefined; onClose: () => void }) {
  return (
    <Panel title={say("sound")} onClose={onClose}>
      <Devices phone={phone} />
    </Panel>
  );
}

function Devices({ phone }: { phone: Phone | undefined }) {
  const styles = useStyles();
  const [now, setNow] = useState(chosen);
  const { level, reason } = useLevel(now.microphone);
  const devices = useDevices(level !== undefined);
  const change = (changes: Partial<Chosen>) => {
    const next = { ...now, ...changes };
    choose(next);
    setNow(next);
    void phone?.changeDevices();
  };
  const of = (kind: MediaDeviceKind) => devices.filter((each) => each.kind === kind);
  return (
    <div className={styles.fields}>
      <Choice
        label={say("microphone")}
        devices={of("audioinput")}
        value={now.microphone}
        onChange={(id) => { change({ microphone: id }); }}
      />
      {reason !== undefined && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>{say("noMicrophone", { reason })}</MessageBarBody>
        </MessageBar>
      )}
      <Field label={say("microphoneLevel")} validationState="none">
        <ProgressBar value={level ?? 0} thickness="large" aria-label={say("microphoneLevel")} />
      </Field>
      {hasSpeakers() ? (
        <>
          <Choice
            label={say("speaker")}
            devices={of("audiooutput")}
            value={now.speaker}
            onChange={(id) => { change({ speaker: id }); }}
          />
          <Choice
            label={say("ringer")}
            devices={of("audiooutput")}
            value={now.ringer}
            onChange={(id) => { change({ ringer: id }); }}
          />
        </>
      ) : (
        <Text>{say("noSpeakers")}</Text>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  devices: readonly MediaDeviceInfo[];
  value: string;
  onChange: (id: string) => void;
}

export function Choice({ label, devices, value, onChange }: ChoiceProps) {
  // The browser's own entry for its default is our empty one.
  const real = devices.filter((each) => each.deviceId !== "" && each.deviceId !== "default");
  const known = real.some((each) => each.deviceId === value) ? value : "";
  return (
    <Field label={label}>
      <Select value={known} onChange={(_, { value: id }) => { onChange(id); }}>
        <option value="">{say("byDefault")}</option>
        {real.map((each, index) => (
          <option key={each.deviceId} value={each.deviceId}>
            {each.label || say("device", { number: String(index + 1) })}
          </option>
        ))}
      </Select>
    </Field>
  );
}

/** The devices that are there now. Browsers name them once the page may use a microphone. */
export function useDevices(allowed: boolean): readonly MediaDeviceInfo[] {
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  useEffect(() => {
    const look = () => void navigator.mediaDevices.enumerateDevices().then(setDevices);
    look();
    navigator.mediaDevices.addEventListener("devicechange", look);
    return () => { navigator.mediaDevices.removeEventListener("devicechange", look); };
  }, [allowed]);
  return devices;
}

/** How loud the microphone of that id is; undefined until it is known, and why it never is. */
function useLevel(id: string): { level?: number; reason?: string } {
  const [found, setFound] = useState<{ level?: number; reason?: string }>({});
  useEffect(() => {
    let over = false;
    let end = () => { over = true; };
    const listen = async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: microphone() });
      const stop = () => { for (const track of stream.getTracks()) track.stop(); };
      if (over) { stop(); return; }
      const context = new AudioContext();
      const analyser = new AnalyserNode(context, { fftSize: 2048 });
      context.createMediaStreamSource(stream).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      const timer = window.setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        setFound({ level: levelOf(samples) });
      }, LOOK_MS);
      end = () => {
        window.clearInterval(timer);
        stop();
        void context.close();
      };
    };
    listen().catch((error: unknown) => {
      if (!over) setFound({ reason: error instanceof Error ? error.message : String(error) });
    });
    return () => { end(); };
  }, [id]);
  return found;
}
