import { MessageBar, MessageBarBody, Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { command } from "../parts/format";
import { Form, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Facts, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";

/** Everything by which somebody is reached: who calls what, from where, and the way it takes. */
export function ReachingPage() {
  const asked: { to?: string } = useSearch({ strict: false });
  const go = useGo();
  const form = useForm({ to: asked.to ?? "" });
  const { values } = form;
  const found = useQuery({
    queryKey: ["reaching", asked.to],
    enabled: asked.to !== undefined,
    retry: false,
    queryFn: async () => told(await api.GET("/v1/calls/reaching", { params: { query: { to: asked.to ?? "" } } })),
  });
  return (
    <Page title={t("reaching")} above={[{ to: "/calls", title: t("calls") }]}>
      <Text>{t("reachingWhat")}</Text>
      <Form
        text={t("reachingNow")}
        state={form}
        onSubmit={() => { go({ to: "/calls/reaching", search: { to: values.to.trim() || undefined } }); }}
        command={command(["call", "explain", values.to || "WHOM"], { reverse: true })}
      >
        <TextEntry of={form} name="to" label={t("reachingWhom")} hint={t("reachingHint")} required />
      </Form>
      {asked.to !== undefined && <Loading of={[found]} />}
      {found.data && (
        <Section title={found.data.aor}>
          <Facts
            of={[
              [t("person.number"), found.data.number],
              ...(found.data.means === "" ? [] : [[t("means"), found.data.means] as [string, string]]),
              ...(found.data.extension === null ? [] : [[t("behindExtension", { extension: found.data.extension }), found.data.behind ?? t("behindUnknown")] as [string, string]]),
              [t("person.home"), found.data.home],
              [t("person.state"), <State key="state" of={found.data.enabled ? "enabled" : "disabled"} />],
            ]}
          />
          {found.data.unknown.map(({ site, why }) => (
            <MessageBar key={site} intent="warning" layout="multiline">
              <MessageBarBody>{t("siteUnknown", { site, why })}</MessageBarBody>
            </MessageBar>
          ))}
          <ShortTable
            label={t("reaching")}
            none={t("none")}
            rows={found.data.entrances}
            keyOf={({ who, dials }) => `${who} ${dials}`}
            columns={[
              { id: "who", title: t("who"), show: ({ who }) => who },
              { id: "dials", title: t("dials"), show: ({ dials, means }) => (means === "" ? dials : `${dials} (${means})`) },
              {
                id: "way",
                title: t("theWay"),
                share: 2,
                show: ({ hops }) => hops.map(({ site, steps }) => `${site}: ${steps.map(({ text }) => text).join("; ")}`).join(" → "),
              },
              { id: "ends", title: t("result"), show: ({ ends }) => ends },
            ]}
          />
          <Go to="/calls/explain" search={{ to: found.data.aor }}>{t("whyReached")}</Go>
        </Section>
      )}
    </Page>
  );
}
