import { Button } from "@fluentui/react-components";
import { CallConnectingRegular } from "@fluentui/react-icons/svg/call-connecting";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, lasting } from "../parts/format";
import { Filters } from "../parts/Filters";
import { Go, useGo } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useHere, useHomes } from "../queries";
import { useMay } from "../session";
import { RecordsTable, useRecords, type RecordsAsked } from "./RecordsOf";

const QualityChart = lazy(() => import("./QualityChart"));

export function CallsPage() {
  const asked: RecordsAsked = useSearch({ strict: false });
  const homes = useHomes();
  const go = useGo();
  const records = useRecords(asked, 10_000);
  return (
    <Page
      title={t("calls")}
      actions={
        <>
          <Button icon={<CallConnectingRegular />} onClick={() => { go({ to: "/calls/explain" }); }}>{t("explain")}</Button>
          <Button onClick={() => { go({ to: "/calls/reaching" }); }}>{t("reaching")}</Button>
        </>
      }
    >
      <Present />
      <Section title={t("records")}>
        <Filters
          to="/calls"
          present={asked}
          filters={[
            { name: "who", label: t("callerOrCallee") },
            { name: "site", label: t("site"), options: homes.map((home) => [home, home]) },
            { name: "trunk", label: t("trunk") },
            { name: "code", label: t("code") },
            { name: "answered", label: t("answered"), options: [["yes", t("yes")], ["no", t("no")]] },
            { name: "since", label: t("since"), type: "datetime-local" },
            { name: "until", label: t("until"), type: "datetime-local" },
          ]}
        />
        <Loading of={[records]} />
        <Suspense fallback={null}>
          <QualityChart records={records.rows ?? []} />
        </Suspense>
        <RecordsTable rows={records.rows} />
        <More of={records} />
        <Command
          text={command(["call", "records"], {
            who: asked.who,
            at: asked.site,
            trunk: asked.trunk,
            code: asked.code,
            answered: asked.answered === "yes",
            since: asked.since,
            until: asked.until,
          })}
        />
      </Section>
    </Page>
  );
}

function Present() {
  const may = useMay();
  const queries = useQueryClient();
  const here = useHere();
  const calls = useQuery({
    queryKey: ["calls"],
    refetchInterval: 3_000,
    queryFn: async () => told(await api.GET("/v1/calls", { params: { query: { everywhere: true } } })),
  });
  return (
    <Section title={t("callsUp")}>
      <Loading of={[calls]} />
      <ShortTable
        label={t("callsUp")}
        none={t("noCalls")}
        rows={calls.data}
        keyOf={({ call_id, site }) => `${site} ${call_id}`}
        columns={[
          { id: "from", title: t("from"), share: 2, show: ({ caller }) => caller },
          { id: "to", title: t("to"), share: 2, show: ({ callee }) => callee },
          { id: "state", title: t("person.state"), show: ({ state }) => named("callState", state) },
          { id: "site", title: t("site"), show: ({ site }) => site },
          { id: "for", title: t("lasted"), show: ({ since }) => lasting(Date.now() / 1000 - since) },
          {
            id: "do",
            title: t("actions"),
            show: ({ call_id, caller, callee, site }) => (
              <>
                <Go to="/calls/explain" search={{ from: caller, to: callee }}>{t("why")}</Go>{" "}
                {may("call.end") && (
                  <Confirm
                    text={t("endCall")}
                    title={t("endCallAsk", { from: caller, to: callee })}
                    consequences={site === here ? t("endCallWhy") : `${t("endCallWhy")} ${t("endCallThere", { site })}`}
                    command={command(["call", "end", call_id], { "up-at": site === here ? undefined : site })}
                    done={t("callEnded")}
                    onConfirm={async () => {
                      told(await api.POST("/v1/calls/end", { body: { call_id, site } }));
                      await queries.invalidateQueries({ queryKey: ["calls"] });
                    }}
                  />
                )}
              </>
            ),
          },
        ]}
      />
      <Command text="isthmus call list --everywhere" />
    </Section>
  );
}
