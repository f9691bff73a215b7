import { Badge, Button, makeStyles, Spinner, Text, tokens } from "@fluentui/react-components";
import { useRef, useState } from "react";
import type { Line } from "../calls/model";
import { selfTest, STEPS, type Outcome, type Step } from "../calls/selftest";
import { tell } from "../messages/diagnosis";
import { Panel } from "./Panel";
import { Shown } from "./Quality";

const useStyles = makeStyles({
  steps: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalM,
    listStyleType: "none",
    margin: `${tokens.spacingVerticalM} 0 0`,
    padding: 0,
  },
  head: { display: "flex", alignItems: "center", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

const COLOUR = { well: "success", failed: "danger", none: "informative" } as const;

/** Whether all that a call needs is there; looked at when it is asked for. */
export function SelfTest({ line, busy, onClose }: { line: Line; busy: boolean; onClose: () => void }) {
  const styles = useStyles();
  const [outcomes, setOutcomes] = useState<Partial<Record<Step, Outcome>>>({});
  const [runs, setRuns] = useState(false);
  const now = useRef(line);
  now.current = line;
  const run = () => {
    setOutcomes({});
    setRuns(true);
    void selfTest(
      () => now.current === "registered",
      (step, outcome) => { setOutcomes((before) => ({ ...before, [step]: outcome })); },
    ).finally(() => { setRuns(false); });
  };
  const next = runs ? STEPS.find((each) => outcomes[each] === undefined) : undefined;
  const begin = <Button appearance="primary" disabled={runs || busy} onClick={run}>{tell("begin")}</Button>;
  return (
    <Panel title={tell("selfTest")} onClose={onClose} action={begin}>
      <Text block>{tell("selfTestIs")}</Text>
      <ol className={styles.steps} aria-live="polite" aria-label={tell("selfTest")}>
        {STEPS.map((step) => <One key={step} step={step} outcome={outcomes[step]} runs={step === next} />)}
      </ol>
    </Panel>
  );
}

function One({ step, outcome, runs }: { step: Step; outcome: Outcome | undefined; runs: boolean }) {
  const styles = useStyles();
  return (
    <li>
      <div className={styles.head}>
        <Text weight="semibold">{tell(`step.${step}`)}</Text>
        {runs && <Spinner size="tiny" aria-label={tell("measuring")} />}
        {outcome && <Badge color={COLOUR[outcome.state]} appearance="tint">{tell(`state.${outcome.state}`)}</Badge>}
        {outcome && <Text>{outcome.detail}</Text>}
      </div>
      {outcome?.state === "failed" && <Text block>{tell(`failed.${step}`)}</Text>}
      {step === "speaker" && outcome?.state === "well" && <Text block>{tell("didYouHear")}</Text>}
      {outcome?.figures && <Shown figures={outcome.figures} />}
    </li>
  );
}
