import {
  Button, Field, Input, makeStyles, MessageBar, MessageBarBody, Radio, RadioGroup, Select, Text, Textarea, tokens,
} from "@fluentui/react-components";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { addressesIn, chosen } from "../chosen";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { useGo } from "../parts/Go";
import { Command, Fault, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { VirtualTable } from "../parts/Table";
import { useWork } from "../parts/work";
import { useHomes } from "../queries";
import { csvOf, download } from "./csv";

interface Planned {
  aor: string;
  from: string;
  ok: boolean;
  reasons: string[];
  notes: string[];
}

const NAMED = 20; // more addresses than that are a file, on a command line

const useStyles = makeStyles({
  column: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, maxWidth: "48rem" },
  row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
});

const nothing = () => undefined;

/** Whom to move and where, what stands against it, when: each step follows from the one before. */
export function NewMovePage() {
  const styles = useStyles();
  const asked: { to?: string; group?: string } = useSearch({ strict: false });
  const homes = useHomes();
  const go = useGo();
  const [text, setText] = useState(() => (asked.group === undefined ? chosen().join("\n") : ""));
  const [group, setGroup] = useState(asked.group ?? "");
  const [to, setTo] = useState(asked.to ?? "");
  const [plan, setPlan] = useState<Planned[]>();
  const [later, setLater] = useState(false);
  const [at, setAt] = useState("");
  const target = to || (homes[1] ?? "");
  const aors = addressesIn(text);
  const whom = group === "" ? { aors } : { group };
  const changed = () => { setPlan(undefined); };
  const check = useWork(async () => {
    setPlan(undefined);
    const answer = told(await api.POST("/v1/moves", { body: { to: target, ...whom, dry_run: true } }));
    setPlan((answer as unknown as { people: Planned[] }).people);
  });
  const free = plan?.filter(({ ok }) => ok).length ?? 0;
  const begins = later && at !== "" ? Date.parse(at) / 1000 : undefined;
  const line = (options: Record<string, string | boolean | undefined>) =>
    command(["user", "move", ...(group === "" && aors.length <= NAMED ? aors : [])], {
      to: target,
      group,
      file: group === "" && aors.length > NAMED ? "people.txt" : undefined,
      ...options,
    });
  return (
    <Page title={t("newMove")} above={[{ to: "/moves", title: t("moves") }]}>
      <Section title={t("moveStep1")}>
        <div className={styles.column}>
          <Field label={t("moveWhom")} hint={t("moveWhomHint", { count: count(aors.length) })}>
            <Textarea
              rows={5}
              resize="vertical"
              disabled={group !== ""}
              value={text}
              onChange={(_, { value }) => {
                setText(value);
                changed();
              }}
            />
          </Field>
          <div className={styles.row}>
            <Field label={t("moveGroup")}>
              <Input
                value={group}
                onChange={(_, { value }) => {
                  setGroup(value);
                  changed();
                }}
              />
            </Field>
            <Field label={t("moveTo")}>
              <Select
                value={target}
                onChange={(_, { value }) => {
                  setTo(value);
                  changed();
                }}
              >
                {homes.map((home) => <option key={home} value={home}>{home}</option>)}
              </Select>
            </Field>
            <Button
              appearance={plan === undefined ? "primary" : "secondary"}
              disabled={check.isPending || target === "" || (group === "" && aors.length === 0)}
              onClick={() => { check.mutate(); }}
            >
              {t("moveCheck")}
            </Button>
          </div>
          <Command text={line({ "dry-run": true })} />
          <Fault error={check.error} />
        </div>
      </Section>
      {plan && (
        <>
          <Section
            title={t("moveStep2")}
            actions={
              <Button onClick={() => { download("move-check.csv", reportOf(plan)); }}>
                {t("download")}
              </Button>
            }
          >
            <MessageBar intent={free === plan.length ? "success" : "warning"} role="status" layout="multiline">
              <MessageBarBody>{t("moveVerdict", { free: count(free), not: count(plan.length - free) })}</MessageBarBody>
            </MessageBar>
            <VirtualTable
              label={t("moveStep2")}
              total={plan.length}
              at={(index) => plan[index]}
              keyOf={({ aor }) => aor}
              onRange={nothing}
              columns={[
                { id: "aor", title: t("person.aor"), share: 2, show: ({ aor }) => aor },
                { id: "from", title: t("person.home"), show: ({ from }) => from },
                { id: "ok", title: t("canMove"), show: ({ ok }) => <State of={ok ? "free" : "blocked"} /> },
                { id: "why", title: t("becauseOr"), share: 4, show: ({ reasons, notes }) => <span title={[...reasons, ...notes].join("; ")}>{[...reasons, ...notes].join("; ")}</span> },
              ]}
            />
          </Section>
          <Section title={t("moveStep3")}>
            <div className={styles.column}>
              <RadioGroup value={later ? "later" : "now"} onChange={(_, { value }) => { setLater(value === "later"); }} aria-label={t("moveStep3")}>
                <Radio value="now" label={t("moveNow")} />
                <Radio value="later" label={t("moveLater")} />
              </RadioGroup>
              {later && (
                <Field label={t("moveBegins")} hint={t("moveBeginsHint")}>
                  <Input type="datetime-local" value={at} onChange={(_, { value }) => { setAt(value); }} />
                </Field>
              )}
              <Text>{t("moveConsequences")}</Text>
              <div>
                <Confirm
                  text={later ? t("moveSchedule") : t("moveStart")}
                  title={t("moveAsk", { count: count(free), to: target })}
                  consequences={begins === undefined ? t("moveAskWhy") : t("moveAskLater", { moment: moment(begins) })}
                  command={line({ at: begins === undefined ? undefined : at })}
                  done={later ? t("moveScheduled") : t("moveStarted")}
                  disabled={free === 0 || (later && begins === undefined)}
                  onConfirm={async () => {
                    const batch = told(await api.POST("/v1/moves", { body: { to: target, ...whom, dry_run: false, at: begins ?? null } }));
                    go({ to: "/moves/$id", params: { id: (batch as unknown as { id: string }).id } });
                  }}
                />
              </div>
            </div>
          </Section>
        </>
      )}
    </Page>
  );
}

function reportOf(plan: readonly Planned[]): string {
  return csvOf(
    ["aor", "from", "ok", "reasons", "notes"],
    plan.map(({ aor, from, ok, reasons, notes }) => [aor, from, String(ok), reasons.join("; "), notes.join("; ")]),
  );
}
