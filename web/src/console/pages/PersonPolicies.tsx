import { Accordion, AccordionHeader, AccordionItem, AccordionPanel, Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { command } from "../parts/format";
import { Go } from "../parts/Go";
import { Command, Loading } from "../parts/Page";
import { ShortTable } from "../parts/Table";

interface Grant {
  policy: string;
  level: string;
  target: string;
  way: string[];
}

interface Explained {
  groups: Record<string, string[]>;
  kinds: {
    kind: string;
    applied: Grant[];
    settings: { name: string; value: string | number | boolean | null; by: Grant | null; lost: (Grant & { value: string | number | boolean | null })[] }[];
  }[];
}

const shown = (value: string | number | boolean | null) => (typeof value === "boolean" ? t(value ? "yes" : "no") : value === null ? "–" : String(value));

function reason(grant: Grant | null): string {
  if (grant === null) return t("byDefault");
  const whose = t("byGrant", { policy: grant.policy, level: named("level", grant.level), target: grant.target });
  return grant.way.length > 1 ? `${whose} (${grant.way.join(" → ")})` : whose;
}

/** What is in force for somebody, which policy says so, and what had to give way to it. */
export function PersonPolicies({ aor }: { aor: string }) {
  const explained = useQuery({
    queryKey: ["policies", "explain", aor],
    queryFn: async () => told(await api.GET("/v1/policies/explain", { params: { query: { aor } } })) as unknown as Explained,
  });
  return (
    <>
      <Loading of={[explained]} />
      <Accordion multiple collapsible defaultOpenItems={["calling"]}>
        {explained.data?.kinds.map(({ kind, settings, applied }) => (
          <AccordionItem key={kind} value={kind}>
            <AccordionHeader as="h2">{kind}</AccordionHeader>
            <AccordionPanel>
              {applied.length > 0 && (
                <Text block>
                  {t("applied")}{" "}
                  {applied.map(({ policy }) => (
                    <Go key={policy} to="/policies" search={{ kind }}>{`${policy} `}</Go>
                  ))}
                </Text>
              )}
              <ShortTable
                label={kind}
                none={t("nothingSet")}
                rows={settings}
                keyOf={({ name }) => name}
                columns={[
                  { id: "name", title: t("setting"), show: ({ name }) => name },
                  { id: "value", title: t("value"), show: ({ value }) => shown(value) },
                  { id: "why", title: t("because"), show: ({ by }) => reason(by) },
                  {
                    id: "lost",
                    title: t("gaveWay"),
                    show: ({ lost }) => lost.map((each) => `${shown(each.value)}: ${reason(each)}`).join("; "),
                  },
                ]}
              />
            </AccordionPanel>
          </AccordionItem>
        ))}
      </Accordion>
      <Command text={command(["policy", "explain", aor])} />
    </>
  );
}
