import {
  Button, Field, Input, makeStyles, MessageBar, MessageBarBody, Popover, PopoverSurface, PopoverTrigger, Text, tokens,
} from "@fluentui/react-components";
import { useEffect, useRef, useState, type SyntheticEvent } from "react";
import type { Figures } from "../calls/figures";
import { isUrgent } from "../calls/findings";
import { Measuring, type Seen } from "../calls/measuring";
import type { Phone } from "../calls/phone";
import { named, tell } from "../messages/diagnosis";
import { WORDS } from "../messages/writing";

const useStyles = makeStyles({
  surface: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, maxWidth: "24rem" },
  figures: { display: "grid", gridTemplateColumns: "max-content 1fr", columnGap: tokens.spacingHorizontalM, margin: 0 },
  figure: { margin: 0 },
  urgent: { flexBasis: "100%" },
});

/** How a call sounds and what is wrong with it: measured as long as this is shown, and reported at the end. */
export default function Quality({ id, phone }: { id: string; phone: Phone }) {
  const styles = useStyles();
  const [seen, setSeen] = useState<Seen>();
  const measuring = useRef<Measuring>(null);
  useEffect(() => {
    const made = new Measuring(() => phone.measured(id), setSeen);
    measuring.current = made;
    return () => { made.stop(); };
  }, [id, phone]);
  const urgent = seen?.findings.filter(isUrgent) ?? [];
  return (
    <>
      {urgent.map((each) => (
        <MessageBar key={each} intent="warning" layout="multiline" className={styles.urgent}>
          <MessageBarBody>{named("finding", each)}</MessageBarBody>
        </MessageBar>
      ))}
      <Popover trapFocus>
        <PopoverTrigger disableButtonEnhancement>
          <Button>{tell("quality")}</Button>
        </PopoverTrigger>
        <PopoverSurface aria-label={tell("howItSounds")}>
          <div className={styles.surface}>
            {seen ? <Shown figures={seen.now} /> : <Text>{tell("measuring")}</Text>}
            {seen?.findings.map((each) => <Text key={each}>{named("finding", each)}</Text>)}
            <Problem onTell={async (text) => measuring.current?.tell(text)} />
          </div>
        </PopoverSurface>
      </Popover>
    </>
  );
}

const shown = (value: number | undefined, unit: string, digits = 0) =>
  value === undefined ? "–" : `${value.toFixed(digits)} ${unit}`.trim();

/** Figures as a list of terms. */
export function Shown({ figures }: { figures: Figures }) {
  const styles = useStyles();
  const { sent, received, path } = figures;
  const rows: readonly (readonly [string, string])[] = [
    [tell("mos"), shown(figures.mos, "", 1)],
    [tell("lossIn"), shown(received.lossPercent, "%", 1)],
    [tell("lossOut"), shown(sent.lossPercent, "%", 1)],
    [tell("jitter"), shown(received.jitterMs, "ms")],
    [tell("roundTrip"), shown(figures.roundTripMs, "ms")],
    [tell("codec"), figures.codec || "–"],
    [tell("path"), path ? `${named("kind", path.local)}, ${path.protocol.toUpperCase()}` : "–"],
  ];
  return (
    <dl className={styles.figures}>
      {rows.flatMap(([term, value]) => [<dt key={term}>{term}</dt>, <dd key={`${term} value`} className={styles.figure}>{value}</dd>])}
    </dl>
  );
}

function Problem({ onTell }: { onTell: (text: string) => Promise<void> }) {
  const [text, setText] = useState("");
  const [done, setDone] = useState<string>();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onTell(text).then(
      () => { setDone(tell("reported")); },
      (error: unknown) => { setDone(tell("notReported", { reason: error instanceof Error ? error.message : String(error) })); },
    );
  };
  return (
    <form onSubmit={submit}>
      <Field label={tell("whatIsWrong")}>
        <Input {...WORDS} value={text} maxLength={500} onChange={(_, { value }) => { setText(value); }} />
      </Field>
      <Button type="submit">{tell("reportProblem")}</Button>
      <Text block aria-live="polite">{done}</Text>
    </form>
  );
}
