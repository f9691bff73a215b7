import { Button, Card, makeStyles, MessageBar, MessageBarBody, Text, tokens } from "@fluentui/react-components";
import { CheckmarkCircleRegular } from "@fluentui/react-icons/svg/checkmark-circle";
import { CircleRegular } from "@fluentui/react-icons/svg/circle";
import { ErrorCircleRegular } from "@fluentui/react-icons/svg/error-circle";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { count } from "../parts/format";
import { Go } from "../parts/Go";
import { Command, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";

type Step = components["schemas"]["SetupStep"];

const LIVE_MS = 4_000;
const DISMISSED = "isthmus.setup-dismissed";

/** The page that shows more of a step, or where it is done. */
const PLACE: Record<string, string> = {
  domain: "/tenants",
  certificate: "/certificates",
  people: "/people/new",
  peer: "/",
  trunk: "/trunks",
  numbers: "/numbers",
  place: "/locations",
};

const useStyles = makeStyles({
  steps: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, listStyleType: "none", margin: 0, padding: 0 },
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalM },
  icon: { fontSize: "24px", flexShrink: 0 },
  good: { color: tokens.colorPaletteGreenForeground1 },
  bad: { color: tokens.colorPaletteRedForeground1 },
  text: { overflowWrap: "anywhere" },
  title: { flexGrow: 1 },
});

function useSetup() {
  return useQuery({
    queryKey: ["setup"],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/setup")),
  });
}

const goodOf = (steps: Step[]) => steps.filter(({ mark }) => mark === "good").length;

/** What is there at this site, and what is still missing, one step after the other. */
export function SetupPage() {
  const styles = useStyles();
  const setup = useSetup();
  const steps = setup.data?.steps ?? [];
  return (
    <Page title={t("setup")}>
      <Loading of={[setup]} />
      {setup.data && (
        <>
          <Text role="status">{setup.data.done ? t("setupDone") : t("setupSoFar", { good: count(goodOf(steps)), all: count(steps.length) })}</Text>
          <ol className={styles.steps}>
            {steps.map((step) => (
              <li key={step.name}>
                <StepCard step={step} />
              </li>
            ))}
          </ol>
        </>
      )}
    </Page>
  );
}

function StepCard({ step }: { step: Step }) {
  const styles = useStyles();
  return (
    <Card role="group" aria-label={named("setup", step.name)}>
      <div className={styles.head}>
        <span className={styles.icon} aria-hidden>
          {step.mark === "good" ? <CheckmarkCircleRegular className={styles.good} />
            : step.mark === "faulty" ? <ErrorCircleRegular className={styles.bad} /> : <CircleRegular />}
        </span>
        <Text weight="semibold" size={400} className={styles.title}>{named("setup", step.name)}</Text>
        <State of={step.mark} kind="mark" />
        {!step.needed && <Text size={200}>{t("setupOptional")}</Text>}
      </div>
      <Text className={styles.text}>{named("setupWhat", step.name)}</Text>
      {step.why !== "" && <Text size={200} className={styles.text}>{step.why}</Text>}
      <div className={styles.head}>
        <Go to={PLACE[step.name] ?? "/"}>{named("setupGo", step.name)}</Go>
        {step.count > 0 && <Text size={200}>{t("setupThere", { count: count(step.count) })}</Text>}
      </div>
      <Command text={step.command} />
    </Card>
  );
}

/** On the overview, until the set-up is done or somebody does not want to be told any more. */
export function SetupReminder() {
  const [dismissed, setDismissed] = useState(() => localStorage.getItem(DISMISSED) === "yes");
  const setup = useSetup();
  if (dismissed || setup.data === undefined || setup.data.done) return null;
  const steps = setup.data.steps;
  const next = steps.find(({ mark, needed }) => needed && mark !== "good");
  return (
    <Section
      title={t("setup")}
      actions={
        <Button
          appearance="subtle"
          onClick={() => {
            localStorage.setItem(DISMISSED, "yes");
            setDismissed(true);
          }}
        >
          {t("setupDismiss")}
        </Button>
      }
    >
      <MessageBar intent="info" layout="multiline">
        <MessageBarBody>
          {t("setupSoFar", { good: count(goodOf(steps)), all: count(steps.length) })}{" "}
          {next && t("setupNext", { step: named("setup", next.name) })} <Go to="/setup">{t("setupOpen")}</Go>
        </MessageBarBody>
      </MessageBar>
    </Section>
  );
}
