import { Button, makeStyles, MessageBar, MessageBarBody, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { Command, Fault, Loading, Page, Section } from "../parts/Page";
import { useAct } from "../parts/Proving";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useMay } from "../session";

interface Change {
  kind: string;
  aor: string | null;
  id: string;
  conflicts: string[];
}

interface Plan {
  mode: string;
  note: string;
  counts: Record<string, number>;
  changes: Change[];
}

const useStyles = makeStyles({ actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS } });
const LIVE_MS = 4_000;

const countsOf = (counts: Record<string, number>) => Object.entries(counts).map(([kind, many]) => `${kind}: ${count(many)}`).join(", ");

/** Where people come from, and how far it has got. */
export function SyncPage() {
  const styles = useStyles();
  const may = useMay();
  const queries = useQueryClient();
  const sources = useQuery({
    queryKey: ["sync", "sources"],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/directory/sources")),
  });
  const runs = useQuery({
    queryKey: ["sync", "runs"],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/directory/runs", { params: { query: { limit: 30 } } })),
  });
  const conflicts = useQuery({
    queryKey: ["sync", "conflicts"],
    queryFn: async () => told(await api.GET("/v1/directory/conflicts")),
  });
  return (
    <Page title={t("sync")}>
      <Section title={t("sources")}>
        <Loading of={[sources]} />
        <ShortTable
          label={t("sources")}
          none={t("noSources")}
          rows={sources.data}
          keyOf={({ name }) => name}
          columns={[
            { id: "name", title: t("person.name"), show: ({ name }) => name },
            { id: "kind", title: t("kind"), show: ({ kind }) => kind },
            { id: "people", title: t("people"), show: ({ people }) => count(people) },
            { id: "conflicts", title: t("conflicts"), show: (each) => count(each.conflicts) },
            { id: "last", title: t("lastRun"), show: ({ last }) => (last === null ? t("never") : `${moment(last.started)} `) },
            {
              id: "do",
              title: t("actions"),
              show: ({ name }) =>
                may("directory.sync") && (
                  <div className={styles.actions}>
                    <Confirm
                      text={t("checkSource")}
                      title={t("checkSourceAsk", { name })}
                      consequences={t("checkSourceWhy")}
                      command={command(["directory", "sources"], { check: true })}
                      done={t("sourceAnswers")}
                      onConfirm={async () => {
                        told(await api.POST("/v1/directory/sources/{name}/check", { params: { path: { name } } }));
                      }}
                    />
                    <Confirm
                      text={t("syncNow")}
                      title={t("syncAsk", { name })}
                      consequences={t("syncWhy")}
                      command={command(["directory", "sync", name])}
                      done={t("syncStarted")}
                      onConfirm={async () => {
                        told(await api.POST("/v1/directory/runs", { body: { source: name, full: false, approved: false, dry_run: false } }));
                        await queries.invalidateQueries({ queryKey: ["sync"] });
                      }}
                    />
                  </div>
                ),
            },
          ]}
        />
        {may("directory.sync") && sources.data?.map(({ name }) => <DryRun key={name} source={name} />)}
      </Section>
      <Section title={t("runs")}>
        <Loading of={[runs]} />
        <ShortTable
          label={t("runs")}
          none={t("noRuns")}
          rows={runs.data}
          keyOf={({ id }) => id}
          columns={[
            { id: "started", title: t("when"), show: ({ started }) => moment(started) },
            { id: "source", title: t("source"), show: ({ source }) => source },
            { id: "state", title: t("person.state"), show: ({ state }) => <State of={state} /> },
            { id: "counts", title: t("changed"), show: ({ counts }) => countsOf(counts) },
            { id: "actor", title: t("who"), show: ({ actor }) => actor },
            { id: "note", title: t("because"), show: ({ note }) => note },
          ]}
        />
        <Command text="isthmus directory runs" />
      </Section>
      <Section title={t("conflicts")}>
        <Loading of={[conflicts]} />
        <ShortTable
          label={t("conflicts")}
          none={t("noConflicts")}
          rows={conflicts.data}
          keyOf={({ source, id }) => `${source} ${id}`}
          columns={[
            { id: "object", title: t("toWhat"), show: ({ object }) => object },
            { id: "aor", title: t("person.aor"), show: ({ aor, wanted }) => aor ?? wanted ?? "" },
            { id: "why", title: t("fault"), show: (each) => each.conflicts.join("; ") },
          ]}
        />
        <Command text="isthmus directory conflicts" />
      </Section>
    </Page>
  );
}

function DryRun({ source }: { source: string }) {
  const act = useAct();
  const [plan, setPlan] = useState<Plan>();
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    setError(null);
    try {
      const body = { source, full: true, approved: false, dry_run: true };
      setPlan((await act(async () => told(await api.POST("/v1/directory/runs", { body })))) as unknown as Plan);
    } catch (given) {
      setError(given instanceof Error ? given : new Error(String(given)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <div>
        <Button disabled={busy} onClick={() => void look()}>
          {t("dryRun", { name: source })}
        </Button>
      </div>
      <Fault error={error} />
      {plan && (
        <>
          <MessageBar intent="info" role="status" layout="multiline">
            <MessageBarBody>{t("dryRunResult", { counts: countsOf(plan.counts) || t("nothingChanged"), note: plan.note })}</MessageBarBody>
          </MessageBar>
          <ShortTable
            label={t("dryRun", { name: source })}
            none={t("nothingChanged")}
            rows={plan.changes.slice(0, 200)}
            keyOf={(change) => `${change.kind} ${change.id} ${change.aor ?? ""}`}
            columns={[
              { id: "kind", title: t("what"), show: ({ kind }) => kind },
              { id: "aor", title: t("person.aor"), show: ({ aor, id }) => aor ?? id },
              { id: "why", title: t("fault"), show: (change) => change.conflicts.join("; ") },
            ]}
          />
        </>
      )}
      <Command text={command(["directory", "sync", source], { "dry-run": true, full: true })} />
    </>
  );
}
