import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { changing } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { command } from "../parts/format";
import { Filters } from "../parts/Filters";
import { ChoiceEntry, Form, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { usePaged } from "../parts/paged";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import { useMay } from "../session";
import { by, Giving, Take, Uses, UsesOf } from "./PlanParts";
import { definePlan, deletePlan, thePlan } from "./planning";
import { bodyOf, minutesAs, optionsOf, settingsOf, typedOf, type Plan, type Target } from "./plans";
import { holders, PlanEntries, useTogether } from "./PlansPage";

type Holder = components["schemas"]["PlanHolderShown"];

const PAGE = 100;
const KINDS = ["person", "group", "licence"] as const;

/** One plan: what it says, what is used of it, and who has it. */
export function PlanPage() {
  const { plan: name = "" }: { plan?: string } = useParams({ strict: false });
  const may = useMay();
  const found = useQuery({
    queryKey: ["plans", "one", name],
    queryFn: async () => told(await api.GET("/v1/plans/{plan}", { params: { path: { plan: name } } })),
  });
  const usage = useTogether(undefined);
  const plan = found.data;
  return (
    <Page title={name} above={[{ to: "/plans", title: t("plans") }]} actions={plan && may("plan.write") && <Delete plan={plan} />}>
      <Loading of={[found, usage]} />
      {plan && (
        <>
          <UsesOf plan={plan} uses={usage.data?.uses} />
          <Facts
            of={[
              [t("domesticCountries"), plan.home.join(", ")],
              [t("domesticMinutes"), minutesAs(plan.domestic)],
              [t("internationalMinutes"), minutesAs(plan.international)],
              ...plan.groups.map((each): [string, string] => [each.name, `${each.countries.join(", ")}: ${minutesAs(each.minutes)}`]),
              [t("sharing"), t(plan.pooled ? "sharing.pooled" : "sharing.each")],
              [t("whenSpent"), t(`whenSpent.${plan.when_spent}`)],
              [t("increment"), t("incrementSeconds", { seconds: String(plan.increment_s) })],
              [t("people"), holders(plan)],
              [t("waitingForPlan"), plan.waiting.join(", ")],
            ]}
          />
          <Command text={command(["plan", "show", name])} />
          <GivenTo plan={plan} />
          <PlanPeople name={name} />
          {may("plan.assign") && <GiveTo plan={name} />}
          {may("plan.write") && <Edit key={JSON.stringify(settingsOf(plan))} plan={plan} />}
        </>
      )}
    </Page>
  );
}

function Delete({ plan }: { plan: Plan }) {
  const go = useGo();
  const queries = useQueryClient();
  const { name } = plan;
  const again = () => queries.invalidateQueries({ queryKey: ["plans"] });
  return (
    <Confirm
      text={t("delete")}
      title={t("deletePlan", { name })}
      consequences={t("deletePlanWhy")}
      command={command(["plan", "delete", name])}
      done={t("saved")}
      onConfirm={async () => {
        const undo = await changing(thePlan(name), plan, deletePlan(name), async (headers) => {
          told(await definePlan(name, plan)(headers));
          await again();
        });
        go({ to: "/plans" });
        await again();
        return undo;
      }}
    />
  );
}

function GivenTo({ plan }: { plan: Plan }) {
  const may = useMay();
  return (
    <Section title={t("planGiven")}>
      <ShortTable
        label={t("planGiven")}
        none={t("planNotGiven")}
        rows={plan.given}
        keyOf={({ group, licence }) => `${group ?? ""} ${licence ?? ""}`}
        columns={[
          { id: "whom", title: t("who"), show: by },
          { id: "rank", title: t("rank"), show: ({ rank }) => String(rank) },
          {
            id: "do",
            title: t("actions"),
            show: ({ group, licence }) =>
              may("plan.assign") && <Take plan={plan.name} target={group === null ? { kind: "licence", name: licence ?? "" } : { kind: "group", name: group }} />,
          },
        ]}
      />
    </Section>
  );
}

function PlanPeople({ name }: { name: string }) {
  const { match }: { match?: string } = useSearch({ strict: false });
  const may = useMay();
  const people = usePaged<Holder>(["plans", "people", name, match ?? ""], "after", (after) =>
    api.GET("/v1/plans/{plan}/people", { params: { path: { plan: name }, query: { match: match ?? null, after, limit: PAGE } } }),
  );
  return (
    <Section title={t("planHolders")}>
      <Filters to={`/plans/${encodeURIComponent(name)}`} present={{ match }} filters={[{ name: "match", label: t("findPeople") }]} />
      <Loading of={[people]} />
      <ShortTable
        label={t("planPeople")}
        none={t("noHolders")}
        rows={people.rows}
        keyOf={({ aor }) => aor}
        columns={[
          { id: "name", title: t("person.name"), share: 2, show: ({ aor, display_name: shown }) => <Go to="/people/$aor" params={{ aor }} search={{ tab: "plan" }}>{shown || aor}</Go> },
          { id: "aor", title: t("person.aor"), share: 2, show: ({ aor }) => aor },
          { id: "by", title: t("hasItBy"), share: 1.5, show: by },
          { id: "used", title: t("usedMinutes"), share: 2, show: ({ uses }) => <Uses of={uses} /> },
          {
            id: "do",
            title: t("actions"),
            show: ({ aor, group, licence }) => may("plan.assign") && group === null && licence === null && <Take plan={name} target={{ kind: "person", name: aor }} />,
          },
        ]}
      />
      <More of={people} />
      <Command text={command(["plan", "people", name], { match })} />
    </Section>
  );
}

function GiveTo({ plan }: { plan: string }) {
  const form = useForm({ kind: "person", name: "", rank: "0" });
  const kind = KINDS.find((each) => each === form.values.kind) ?? "person";
  const target: Target = { kind, name: form.values.name.trim() };
  return (
    <Giving form={form} wanted={{ plan, target, rank: kind === "person" ? "0" : form.values.rank }}>
      <ChoiceEntry of={form} name="kind" label={t("givePlanTo")} options={KINDS.map((each) => [each, t(`targetChoice.${each}`)])} />
      <TextEntry of={form} name="name" label={t(`target.${kind}`)} required />
      {kind !== "person" && <TextEntry of={form} name="rank" label={t("rank")} hint={t("planRankHint")} type="number" />}
    </Giving>
  );
}

function Edit({ plan }: { plan: Plan }) {
  const tell = useDone();
  const queries = useQueryClient();
  const { name } = plan;
  const were = typedOf(plan);
  const form = useForm(were);
  const again = () => queries.invalidateQueries({ queryKey: ["plans"] });
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async (typed) => {
      undo = await changing(thePlan(name), plan, definePlan(name, bodyOf(typed)), async (headers) => {
        told(await definePlan(name, plan)(headers));
        await again();
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
  };
  return (
    <Section title={t("change")}>
      <Form text={t("save")} state={form} onSubmit={() => void submit()} command={command(["plan", "set", name], optionsOf(form.values, were))}>
        <PlanEntries of={form} />
      </Form>
    </Section>
  );
}
