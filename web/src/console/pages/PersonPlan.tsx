import { Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { command } from "../parts/format";
import { ChoiceEntry, useForm } from "../parts/form";
import { Go } from "../parts/Go";
import { Command, Facts, Loading, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useMay } from "../session";
import { by, Giving, Take, Uses } from "./PlanParts";

/** Somebody's calling plan, by what they have it, and what is used of it. */
export function PersonPlan({ aor }: { aor: string }) {
  const may = useMay();
  const found = useQuery({
    queryKey: ["plans", "of", aor],
    queryFn: async () => told(await api.GET("/v1/plans/of/{aor}", { params: { path: { aor } } })),
  });
  const plans = useQuery({ queryKey: ["plans"], queryFn: async () => told(await api.GET("/v1/plans")) });
  const theirs = found.data;
  const own = theirs?.uses.filter(({ whose }) => whose !== "*") ?? [];
  const pool = theirs?.uses.filter(({ whose }) => whose === "*") ?? [];
  return (
    <Section
      title={t("plan")}
      actions={theirs?.plan && theirs.group === null && theirs.licence === null && may("plan.assign") && <Take plan={theirs.plan} target={{ kind: "person", name: aor }} />}
    >
      <Loading of={[found, plans]} />
      {theirs && (
        <>
          {theirs.plan === null && <Text>{t("noPlan")}</Text>}
          {theirs.plan !== null && (
            <Facts
              of={[
                [t("plan"), <Go key="plan" to="/plans/$plan" params={{ plan: theirs.plan }}>{theirs.plan}</Go>],
                [t("hasItBy"), by(theirs)],
                [t("ownMinutes"), own.length > 0 && <Uses of={own} />],
                [t("poolMinutes"), pool.length > 0 && <Uses of={pool} />],
              ].filter(([, value]) => value !== false) as [string, string][]}
            />
          )}
          <ShortTable
            label={t("alsoGiven")}
            none={t("nothingGiven")}
            rows={theirs.given}
            keyOf={({ group, licence }) => `${group ?? ""} ${licence ?? ""}`}
            columns={[
              { id: "plan", title: t("plan"), show: ({ plan }) => <Go to="/plans/$plan" params={{ plan }}>{plan}</Go> },
              { id: "by", title: t("because"), show: by },
              { id: "rank", title: t("rank"), show: ({ rank }) => String(rank) },
            ]}
          />
        </>
      )}
      <Command text={command(["plan", "show", aor])} />
      {may("plan.assign") && plans.data && plans.data.length > 0 && <GiveThem aor={aor} names={plans.data.map(({ name }) => name)} />}
    </Section>
  );
}

function GiveThem({ aor, names }: { aor: string; names: string[] }) {
  const form = useForm({ plan: names[0] ?? "" });
  return (
    <Giving form={form} wanted={{ plan: form.values.plan, target: { kind: "person", name: aor }, rank: "0" }}>
      <ChoiceEntry of={form} name="plan" label={t("plan")} options={names.map((each) => [each, each])} />
    </Giving>
  );
}
