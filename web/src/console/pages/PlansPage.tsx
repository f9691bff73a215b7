import { Text } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { changing } from "../parts/changing";
import { command, count } from "../parts/format";
import { Filters } from "../parts/Filters";
import { ChoiceEntry, Form, SwitchEntry, TextEntry, useForm, type FormState } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Command, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import { useMay } from "../session";
import { UsesOf } from "./PlanParts";
import { definePlan, deletePlan, thePlan } from "./planning";
import { bodyOf, months, NEW, optionsOf, type Typed } from "./plans";

type Shown = components["schemas"]["PlanShown"];

const MONTHS = 12;

/** How many have a plan, and of how many. */
export const holders = ({ holders: have, most }: Pick<Shown, "holders" | "most">) =>
  most === null ? count(have) : t("holdersOf", { count: count(have), most: count(most) });

/** What is used of each plan by all of its people together. */
export function useTogether(month: string | undefined) {
  return useQuery({
    queryKey: ["plans", "together", month ?? ""],
    queryFn: async () => told(await api.GET("/v1/credit/usage", { params: { query: { together: true, ...(month === undefined ? {} : { month }) } } })),
  });
}

/** Calling plans, what is used of them, and who has them. */
export function PlansPage() {
  const asked: { month?: string } = useSearch({ strict: false });
  const may = useMay();
  const plans = useQuery({ queryKey: ["plans"], queryFn: async () => told(await api.GET("/v1/plans")) });
  const usage = useTogether(asked.month);
  const [present = "", ...before] = months(new Date(), MONTHS);
  return (
    <Page title={t("plans")}>
      <Text>{t("plansWhere")}</Text>
      <Filters to="/plans" present={asked} filters={[{ name: "month", label: t("month"), any: t("thisMonth", { month: present }), options: before.map((each) => [each, each]) }]} />
      <Loading of={[plans, usage]} />
      <ShortTable
        label={t("plans")}
        none={t("noPlans")}
        rows={plans.data}
        keyOf={({ name }) => name}
        columns={[
          { id: "name", title: t("person.name"), show: ({ name }) => <Go to="/plans/$plan" params={{ plan: name }}>{name}</Go> },
          { id: "used", title: t("usedMinutes"), share: 2, show: (plan) => <UsesOf plan={plan} uses={usage.data?.uses} /> },
          { id: "sharing", title: t("sharing"), show: ({ pooled }) => t(pooled ? "sharing.pooled" : "sharing.each") },
          { id: "holders", title: t("people"), show: holders },
          { id: "given", title: t("grantedTo"), show: ({ given }) => given.map(({ group, licence }) => group ?? licence).join(", ") },
        ]}
      />
      <Command text={command(["plan", "list"])} />
      <Command text={command(["plan", "usage"], { together: true, month: asked.month })} />
      {may("plan.write") && <NewPlan />}
    </Page>
  );
}

function NewPlan() {
  const go = useGo();
  const tell = useDone();
  const queries = useQueryClient();
  const form = useForm({ name: "", ...NEW });
  const { values } = form;
  const name = values.name.trim();
  const again = () => queries.invalidateQueries({ queryKey: ["plans"] });
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async (typed) => {
      undo = await changing(thePlan(name), undefined, definePlan(name, bodyOf(typed)), async (headers) => {
        told(await deletePlan(name)(headers));
        await again();
        go({ to: "/plans", from: { to: "/plans/$plan", params: { plan: name } } });
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
    go({ to: "/plans/$plan", params: { plan: name } });
  };
  return (
    <Section title={t("newPlan")}>
      <Form text={t("create")} state={form} onSubmit={() => void submit()} command={command(["plan", "set", name || "NAME"], optionsOf(values))}>
        <TextEntry of={form} name="name" label={t("planName")} hint={t("planNameHint")} required />
        <PlanEntries of={form} />
      </Form>
    </Section>
  );
}

/** What can be said of a plan. */
export function PlanEntries<Values extends Typed>({ of }: { of: FormState<Values> }) {
  return (
    <>
      <TextEntry of={of} name="home" label={t("domesticCountries")} hint={t("domesticHint")} required />
      <TextEntry of={of} name="domestic" label={t("domesticMinutes")} hint={t("minutesHint")} />
      <TextEntry of={of} name="international" label={t("internationalMinutes")} hint={t("minutesHint")} />
      <TextEntry of={of} name="groups" label={t("countryGroups")} hint={t("countryGroupsHint")} lines={3} />
      <SwitchEntry of={of} name="pooled" label={t("pooled")} />
      <ChoiceEntry of={of} name="when_spent" label={t("whenSpent")} options={[["refuse", t("whenSpent.refuse")], ["credit", t("whenSpent.credit")]]} />
      <TextEntry of={of} name="increment_s" label={t("increment")} hint={t("incrementHint")} type="number" />
      <TextEntry of={of} name="most" label={t("mostPeople")} hint={t("mostPeopleHint")} type="number" />
    </>
  );
}
