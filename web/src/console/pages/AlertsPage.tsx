import { makeStyles, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { Filters } from "../parts/Filters";
import { Go } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Facts, Loading, Page } from "../parts/Page";
import { usePaged } from "../parts/paged";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useMay } from "../session";
import type { components } from "../../api/schema";

type Alert = components["schemas"]["Alert"];
type AlertState = components["schemas"]["State-Input"];

const STATES: AlertState[] = ["open", "confirmed", "false-alarm"];
const useStyles = makeStyles({ actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS } });

export function AlertsPage() {
  const asked: { state?: string; subject?: string } = useSearch({ strict: false });
  const state = STATES.find((each) => each === asked.state) ?? null;
  const alerts = usePaged<Alert>(
    ["alerts", asked],
    "before",
    (before) => api.GET("/v1/activity/alerts", { params: { query: { state, subject: asked.subject ?? null, before, limit: 50 } as never } }),
    10_000,
  );
  return (
    <Page title={t("alerts")}>
      <Filters
        to="/alerts"
        present={asked}
        filters={[
          { name: "state", label: t("person.state"), options: STATES.map((each) => [each, named("alertState", each)]) },
          { name: "subject", label: t("aboutWhom") },
        ]}
      />
      <Loading of={[alerts]} />
      <ShortTable
        label={t("alerts")}
        none={t("noAlerts")}
        rows={alerts.rows}
        keyOf={({ id }) => id}
        columns={[
          { id: "severity", title: t("severity"), show: ({ severity }) => <State of={severity} kind="severity" /> },
          { id: "what", title: t("what"), show: ({ id, summary }) => <Go to="/alerts/$id" params={{ id }}>{summary}</Go> },
          { id: "subject", title: t("aboutWhom"), show: ({ subject }) => subject },
          { id: "last", title: t("when"), show: ({ last }) => moment(last) },
          { id: "state", title: t("person.state"), show: (each) => named("alertState", each.state) },
        ]}
      />
      <More of={alerts} />
      <Command text={command(["activity", "alerts"], { ...asked })} />
    </Page>
  );
}

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export function AlertPage() {
  const { id = "" }: { id?: string } = useParams({ strict: false });
  const styles = useStyles();
  const may = useMay();
  const queries = useQueryClient();
  const found = useQuery({
    queryKey: ["alert", id],
    queryFn: async () => told(await api.GET("/v1/activity/alerts/{alert}", { params: { path: { alert: id } } })),
  });
  const alert = found.data;
  const again = async () => {
    await queries.invalidateQueries({ queryKey: ["alert", id] });
    void queries.invalidateQueries({ queryKey: ["alerts"] });
  };
  const path = { params: { path: { alert: id } } };
  return (
    <Page
      title={alert?.summary ?? t("alert")}
      above={[{ to: "/alerts", title: t("alerts") }]}
      actions={
        alert?.state === "open" &&
        may("activity.judge") && (
          <div className={styles.actions}>
            <Confirm
              text={t("confirmAlert")}
              title={t("confirmAlertAsk")}
              consequences={t("confirmAlertWhy")}
              command={command(["activity", "confirm", id])}
              done={t("saved")}
              onConfirm={async () => {
                told(await api.POST("/v1/activity/alerts/{alert}/confirm", path));
                await again();
              }}
            />
            <Confirm
              text={t("falseAlarm")}
              title={t("falseAlarmAsk")}
              consequences={t("falseAlarmWhy")}
              command={command(["activity", "false-alarm", id])}
              done={t("saved")}
              onConfirm={async () => {
                told(await api.POST("/v1/activity/alerts/{alert}/false-alarm", path));
                await again();
              }}
            />
          </div>
        )
      }
    >
      <Loading of={[found]} />
      {alert && (
        <>
          <Facts
            of={[
              [t("severity"), <State key="severity" of={alert.severity} kind="severity" />],
              [t("person.state"), named("alertState", alert.state)],
              [t("aboutWhom"), alert.subject.includes("@") ? <Go key="who" to="/people/$aor" params={{ aor: alert.subject }}>{alert.subject}</Go> : alert.subject],
              [t("rule"), alert.rule],
              [t("seenNow"), text(alert.now)],
              [t("usual"), text(alert.usual)],
              [t("firstSeen"), moment(alert.first)],
              [t("lastSeen"), moment(alert.last)],
              [t("times"), count(alert.count)],
              [t("judgedBy"), alert.judged_by === null ? "" : `${alert.judged_by}, ${moment(alert.judged_at)}`],
            ]}
          />
          {may("person.block") && (
            <div className={styles.actions}>
              {alert.blocks.map(({ block, means }) => (
                <Confirm
                  key={block}
                  text={t("blockFrom", { what: block })}
                  title={t("blockAsk", { who: alert.subject, what: block })}
                  consequences={t("blockWhy", { means })}
                  command={command(["activity", "block", alert.subject, block])}
                  done={t("saved")}
                  onConfirm={async () => {
                    told(await api.POST("/v1/activity/block", { body: { aor: alert.subject, block } }));
                    await again();
                  }}
                />
              ))}
            </div>
          )}
          <Command text={command(["activity", "show", id])} />
        </>
      )}
    </Page>
  );
}
