// What the pages of plans and of people have in common: minutes as bars, and giving and taking with a preview.

import { Button, Field, makeStyles, MessageBar, MessageBarBody, ProgressBar, Text, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count } from "../parts/format";
import { Form, type FormState } from "../parts/form";
import { Fault, Loading, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { useWork } from "../parts/work";
import { give, previewed } from "./planning";
import { wordsFor, type Target, type Use } from "./plans";

type Preview = components["schemas"]["PlanPreview"];
type Holding = components["schemas"]["PlanHolding"];

const NEARLY = 0.8;
const SHOWN = 200;

const useStyles = makeStyles({
  uses: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXS, minWidth: "8rem", padding: `${tokens.spacingVerticalXS} 0` },
});

const bucket = (name: string) => (name.startsWith("group:") ? name.slice("group:".length) : named("bucket", name));

function text({ bucket: of, used_minutes: used, limit_minutes: limit }: Use): string {
  const values = { what: bucket(of), used: count(used) };
  if (limit === null) return t("minutesFree", values);
  if (limit === 0) return used === 0 ? t("minutesNone", { what: values.what }) : t("minutesBeyond", values);
  return t("minutesUsed", { ...values, limit: count(limit) });
}

/** What is used of minutes: in words, and as bars where there is an end of them. */
export function Uses({ of }: { of: readonly Use[] }) {
  const styles = useStyles();
  return (
    <div className={styles.uses}>
      {of.map((use) => {
        const { limit_minutes: limit, used_minutes: used } = use;
        const said = text(use);
        if (limit === null || limit === 0) return <Text key={use.bucket} size={200}>{said}</Text>;
        const share = Math.min(1, used / limit);
        return (
          <Field key={use.bucket} validationMessage={said} validationState="none">
            <ProgressBar aria-label={said} value={share} thickness="large" color={share >= 1 ? "error" : share >= NEARLY ? "warning" : "brand"} />
          </Field>
        );
      })}
    </div>
  );
}

type Shown = Pick<components["schemas"]["PlanShown"], "name" | "domestic" | "international" | "groups" | "holders">;

/** What all who have a plan used of it; what it offers, while nobody has it. */
export function UsesOf({ plan, uses }: { plan: Shown; uses: readonly Use[] | undefined }) {
  const styles = useStyles();
  if (plan.holders > 0) return <Uses of={(uses ?? []).filter(({ plan: of }) => of === plan.name)} />;
  const offers: [string, number | null][] = [
    ["domestic", plan.domestic],
    ...plan.groups.map(({ name, minutes }): [string, number | null] => [`group:${name}`, minutes]),
    ["international", plan.international],
  ];
  return (
    <div className={styles.uses}>
      {offers.map(([of, limit]) => <Text key={of} size={200}>{offered(bucket(of), limit)}</Text>)}
    </div>
  );
}

function offered(what: string, limit: number | null): string {
  if (limit === null) return t("minutesOfferedFree", { what });
  return limit === 0 ? t("minutesNone", { what }) : t("minutesOffered", { what, limit: count(limit) });
}

/** By what somebody has a plan. */
export function by({ group, licence }: { group: string | null; licence: string | null }): string {
  if (group !== null) return t("by.group", { name: group });
  return licence === null ? t("by.name") : t("by.licence", { name: licence });
}

const holding = (held: Holding | null) => (held === null ? t("noneThen") : `${held.plan}, ${by(held)}`);

function Changes({ of }: { of: Preview }) {
  return (
    <>
      <MessageBar intent="info" role="status" layout="multiline">
        <MessageBarBody>{of.count === 0 ? t("wouldNotChange") : t("wouldChange", { count: count(of.count) })}</MessageBarBody>
      </MessageBar>
      {of.count > 0 && (
        <ShortTable
          label={t("beforeAfter")}
          none={t("wouldNotChange")}
          rows={of.people.slice(0, SHOWN)}
          keyOf={({ aor }) => aor}
          columns={[
            { id: "aor", title: t("person.aor"), show: ({ aor }) => aor },
            { id: "before", title: t("before"), show: ({ before }) => holding(before) },
            { id: "after", title: t("after"), show: ({ after }) => holding(after) },
          ]}
        />
      )}
      {of.count > SHOWN && <Text>{t("firstShown", { count: count(SHOWN) })}</Text>}
    </>
  );
}

/** What plans' pages show is asked for anew. */
function useAgain() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ["plans"] });
}

const commandOf = (what: "assign" | "unassign", plan: string, target: Target, rank: string) => {
  const [words, options] = wordsFor(target, rank);
  return command(["plan", what, plan, ...words], options);
};

interface GivingProps<Values extends Record<string, string>> {
  form: FormState<Values>;
  /** What the form says. */
  wanted: { plan: string; target: Target; rank: string };
  children: ReactNode;
}

/** A form that gives a plan: first what would change, then it is done. */
export function Giving<Values extends Record<string, string>>({ form, wanted, children }: GivingProps<Values>) {
  const { plan, target, rank } = wanted;
  const tell = useDone();
  const again = useAgain();
  const asked = JSON.stringify(wanted);
  const [preview, setPreview] = useState<{ asked: string; found: Preview }>();
  const giving = useWork(
    () => give(plan, false, target, Number(rank), again),
    (undo) => {
      setPreview(undefined);
      tell(t("saved"), undo);
    },
  );
  const look = async () => {
    giving.reset();
    setPreview(undefined);
    await form.submit(async () => {
      setPreview({ asked, found: await previewed(plan, false, target, Number(rank)) });
    });
  };
  return (
    <Section title={t("givePlan")}>
      <Form text={t("preview")} state={form} onSubmit={() => void look()} command={commandOf("assign", plan || "PLAN", { ...target, name: target.name || "WHOM" }, rank)}>
        {children}
      </Form>
      {preview?.asked === asked && (
        <Section title={t("previewTitle")}>
          <Changes of={preview.found} />
          <Fault error={giving.error} />
          <div>
            <Button appearance="primary" disabled={giving.isPending} onClick={() => { giving.mutate(); }}>{t("giveIt")}</Button>
          </div>
        </Section>
      )}
    </Section>
  );
}

function WouldBeTaken({ plan, target }: { plan: string; target: Target }) {
  const found = useQuery({
    queryKey: ["plans", "preview", plan, target],
    gcTime: 0,
    queryFn: () => previewed(plan, true, target, 0),
  });
  return (
    <>
      <Loading of={[found]} />
      {found.data && <Changes of={found.data} />}
    </>
  );
}

/** Takes a plan, after what would change by that. */
export function Take({ plan, target }: { plan: string; target: Target }) {
  const again = useAgain();
  return (
    <Confirm
      text={t("takePlan")}
      title={t("takePlanAsk", { plan, whom: target.name })}
      consequences={<WouldBeTaken plan={plan} target={target} />}
      command={commandOf("unassign", plan, target, "")}
      done={t("saved")}
      onConfirm={() => give(plan, true, target, 0, again)}
    />
  );
}
