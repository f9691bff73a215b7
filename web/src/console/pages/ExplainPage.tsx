import { Button, MessageBar, MessageBarBody, Text } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { command, zoned } from "../parts/format";
import { ChoiceEntry, Form, TextEntry, useForm } from "../parts/form";
import { useGo } from "../parts/Go";
import { Loading, Page, Section } from "../parts/Page";
import { useConnectors, useHomes } from "../queries";
import { CallDiagram } from "./CallDiagram";

type Asked = Partial<Record<"from" | "to" | "at" | "when" | "down" | "failed" | "phone", string>>;

const listed = (text: string | undefined) => (text ?? "").split(",").map((each) => each.trim()).filter((each) => each !== "");

/** Where a call would go and why: asked of the rules and the snapshots that calls are routed by. */
export function ExplainPage() {
  const asked: Asked = useSearch({ strict: false });
  const go = useGo();
  const homes = useHomes();
  const entrances = [...homes, ...useConnectors()];
  const form = useForm({
    from: asked.from ?? "",
    to: asked.to ?? "",
    at: asked.at ?? "",
    when: asked.when ?? "",
    phone: asked.phone ?? "",
    down: asked.down ?? "",
    failed: asked.failed ?? "",
  });
  const { values } = form;
  const ready = asked.from !== undefined && asked.to !== undefined;
  const explained = useQuery({
    queryKey: ["explain", asked],
    enabled: ready,
    retry: false,
    queryFn: async () =>
      told(
        await api.GET("/v1/calls/explain", {
          params: {
            query: {
              from: asked.from ?? "",
              to: asked.to ?? "",
              at: asked.at ?? "",
              when: zoned(asked.when) ?? "",
              phone: asked.phone ?? "",
              down: listed(asked.down),
              failed: listed(asked.failed),
            },
          },
        }),
      ),
  });
  return (
    <Page title={t("explain")} above={[{ to: "/calls", title: t("calls") }]}>
      <Text>{t("explainWhat")}</Text>
      <Form
        text={t("explainNow")}
        state={form}
        onSubmit={() => { go({ to: "/calls/explain", search: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.trim() || undefined])) }); }}
        command={command(["call", "explain", values.from || "FROM", values.to || "TO"], {
          at: [values.at, values.phone].filter((each) => each !== ""),
          when: values.when,
          down: listed(values.down),
          failed: listed(values.failed),
        })}
        more={
          values.from !== "" && (
            <Button
              onClick={() => {
                form.set("from", values.to);
                form.set("to", values.from);
              }}
            >
              {t("swap")}
            </Button>
          )
        }
      >
        <TextEntry of={form} name="from" label={t("from")} hint={t("fromHint")} required />
        <TextEntry of={form} name="to" label={t("to")} hint={t("toHint")} required />
        <ChoiceEntry of={form} name="at" label={t("entersAt")} options={[["", t("callersHome")], ...entrances.map((home): [string, string] => [home, home])]} />
        <TextEntry of={form} name="when" label={t("when")} hint={t("whenHint")} type="datetime-local" />
        <ChoiceEntry of={form} name="down" label={t("asIfDown")} options={[["", t("noneDown")], ...homes.map((home): [string, string] => [home, home])]} />
        <TextEntry of={form} name="failed" label={t("asIfFailed")} hint={t("asIfFailedHint")} />
        <TextEntry of={form} name="phone" label={t("phoneAddress")} hint={t("phoneAddressHint")} />
      </Form>
      {ready && <Loading of={[explained]} />}
      {explained.data && (
        <Section title={t("theWay")}>
          <MessageBar intent="info" role="status" layout="multiline">
            <MessageBarBody>
              {t("itEnds", { ends: explained.data.ends })}
            </MessageBarBody>
          </MessageBar>
          {explained.data.unknown.map(({ site, why }) => (
            <MessageBar key={site} intent="warning" layout="multiline">
              <MessageBarBody>{t("siteUnknown", { site, why })}</MessageBarBody>
            </MessageBar>
          ))}
          <CallDiagram of={explained.data} />
        </Section>
      )}
    </Page>
  );
}
