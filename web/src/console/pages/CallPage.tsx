import { Button, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { ArrowRoutingRegular } from "@fluentui/react-icons/svg/arrow-routing";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { command, lasting, moment } from "../parts/format";
import { Go, useGo } from "../parts/Go";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { named as inPhone } from "../../messages/diagnosis";
import type { components } from "../../api/schema";
import { CallLadder } from "./CallLadder";
import { isDirect } from "./mediaPath";
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
  const reports = useQuery({
    queryKey: ["records", "reports", id],
    queryFn: async () => told(await api.GET("/v1/calls/reports", { params: { query: { call_id: id } } })),
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
      <Loading of={[found, reports]} />
      {found.data?.length === 0 && (
        <MessageBar intent="info"><MessageBarBody>{t("noRecords")}</MessageBarBody></MessageBar>
      )}
      {found.data?.map((leg) => <Leg key={leg.id} leg={leg} direct={isDirect(found.data)} />)}
      {reports.data?.map((each) => <Report key={`${each.who} ${each.site} ${each.report.kind}`} told={each} />)}
      {first && <CallLadder callId={id} />}
      <Command text={command(["call", "record", id])} />
    </Page>
  );
}

const person = (text: string) => (text.includes("@") ? <Go to="/people/$aor" params={{ aor: text }}>{text}</Go> : text);
const measured = (value: number | null, unit: string) => (value === null ? "" : `${value.toFixed(1)} ${unit}`.trim());

function Leg({ leg, direct }: { leg: CallRecord; direct: boolean }) {
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
          [t("media"), direct ? t("mediaPath.direct") : named("mediaPath", leg.media ?? "")],
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

const TITLES = { end: "reportBy", problem: "problemBy", unfinished: "unfinishedBy" } as const;

/** What somebody's browser reported: how it sounded there, and what its person was told. */
function Report({ told }: { told: components["schemas"]["CallReport"] }) {
  const { report } = told;
  const path = [inPhone("kind", report.local), inPhone("kind", report.remote), report.protocol.toUpperCase()];
  return (
    <Section title={t(TITLES[report.kind], { who: told.who, site: told.site })}>
      <Facts
        of={[
          [t("when"), moment(told.at)],
          [t("personSays"), report.text],
          [t("personWasTold"), report.findings.map((each) => inPhone("finding", each)).join(" ")],
          [t("lasted"), lasting(report.seconds)],
          [t("mos"), measured(report.mos ?? null, "")],
          [t("roundTrip"), measured(report.round_trip_ms ?? null, "ms")],
          [t("cameIn"), way(report.received)],
          [t("wentOut"), way(report.sent)],
          [t("codecUsed"), report.codec],
          [t("pathTaken"), path.filter((each) => each).join(", ")],
          [t("browserUsed"), report.browser],
        ]}
      />
    </Section>
  );
}

const way = ({ packets, loss_percent: loss, jitter_ms: jitter, level }: components["schemas"]["CallDirection"]) =>
  t("ofPackets", {
    packets: String(packets),
    loss: measured(loss ?? null, "%") || "–",
    jitter: measured(jitter ?? null, "ms") || "–",
    level: measured(level == null ? null : level * 100, "%") || "–",
  });
