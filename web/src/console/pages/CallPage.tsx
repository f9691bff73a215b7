import { Button, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { ArrowRoutingRegular } from "@fluentui/react-icons/svg/arrow-routing";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { command, lasting, moment } from "../parts/format";
import { Go, useGo } from "../parts/Go";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { CallLadder } from "./CallLadder";
import type { CallRecord } from "./RecordsOf";

const local = (seconds: number) => {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

/** One call that is over: its legs at the sites it passed, why it went there, and how it sounded. */
export function CallPage() {
  const { id = "" }: { id?: string } = useParams({ strict: false });
  const go = useGo();
  const found = useQuery({
    queryKey: ["records", "call", id],
    queryFn: async () => {
      const legs = told(await api.GET("/v1/calls/records", { params: { query: { call_id: id, limit: 100 } } }));
      return legs.sort((a, b) => a.began - b.began);
    },
  });
  const first = found.data?.[0];
  return (
    <Page
      title={first ? t("callFromTo", { from: first.caller, to: first.callee }) : t("call")}
      above={[{ to: "/calls", title: t("calls") }]}
      actions={
        first && (
          <Button
            icon={<ArrowRoutingRegular />}
            onClick={() => { go({ to: "/calls/explain", search: { from: first.caller, to: first.callee, at: first.site, when: local(first.began) } }); }}
          >
            {t("explainLike")}
          </Button>
        )
      }
    >
      <Loading of={[found]} />
      {found.data?.length === 0 && (
        <MessageBar intent="info"><MessageBarBody>{t("noRecords")}</MessageBarBody></MessageBar>
      )}
      {found.data?.map((leg) => <Leg key={leg.id} leg={leg} />)}
      {first && <CallLadder callId={id} />}
      <Command text={command(["call", "record", id])} />
    </Page>
  );
}

const person = (text: string) => (text.includes("@") ? <Go to="/people/$aor" params={{ aor: text }}>{text}</Go> : text);
const measured = (value: number | null, unit: string) => (value === null ? "" : `${value.toFixed(1)} ${unit}`.trim());

function Leg({ leg }: { leg: CallRecord }) {
  return (
    <Section title={t("legAt", { site: leg.site })}>
      <Facts
        of={[
          [t("from"), person(leg.caller)],
          [t("to"), person(leg.callee)],
          [t("cameBy"), [named("source", leg.source), leg.via].filter((each) => each).join(" ")],
          [t("wayTaken"), [leg.route, leg.way].filter((each) => each).join(" ")],
          [t("because"), leg.text],
          [t("began"), moment(leg.began)],
          [t("answered"), moment(leg.answered) || t("no")],
          [t("lasted"), leg.answered === null ? "" : lasting(leg.seconds)],
          [t("result"), `${String(leg.code)} ${leg.reason}`],
          [t("endedBy"), named("endedBy", leg.by)],
          [t("cause"), leg.cause],
          [t("mos"), measured(leg.mos, "")],
          [t("jitter"), measured(leg.jitter_ms, "ms")],
          [t("loss"), measured(leg.loss_percent, "%")],
          [t("roundTrip"), measured(leg.round_trip_ms, "ms")],
          [t("callersPhone"), leg.caller_agent],
          [t("calleesPhone"), leg.callee_agent],
          [t("cost"), leg.cost === null ? "" : `${leg.cost} ${leg.currency ?? ""}`],
        ]}
      />
    </Section>
  );
}
