import { Button, makeStyles, MessageBar, MessageBarBody, Text, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { Go } from "../parts/Go";
import { Command, Facts, Fault, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useWork } from "../parts/work";
import { useMay } from "../session";

type Source = components["schemas"]["Source"];

interface Change {
  kind: string;
  aor: string | null;
  object: string;
  why: string[];
  conflicts: string[];
  /** Of a run that began; whether it is done, and if not, why. */
  done?: boolean;
  reason?: string;
}

interface Plan {
  mode: string;
  note: string;
  counts: Record<string, number>;
  changes: Change[];
}

const useStyles = makeStyles({ actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS } });
const LIVE_MS = 4_000;
const MOST_SHOWN = 200;

const countsOf = (counts: Record<string, number>) => Object.entries(counts).map(([kind, many]) => `${kind}: ${count(many)}`).join(", ");

/** Where people come from, and how far it has got. */
export function SyncPage() {
  const asked: { run?: string } = useSearch({ strict: false });
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
      <Loading of={[sources]} />
      {sources.data?.length === 0 && <Text>{t("noSources")}</Text>}
      {sources.data?.map((source) => <OneSource key={source.name} source={source} />)}
      <Section title={t("runs")}>
        <Loading of={[runs]} />
        <ShortTable
          label={t("runs")}
          none={t("noRuns")}
          rows={runs.data}
          keyOf={({ id }) => id}
          columns={[
            { id: "started", title: t("when"), show: ({ id, started }) => <Go to="/sync" search={{ run: id }}>{moment(started)}</Go> },
            { id: "source", title: t("source"), show: ({ source }) => source },
            { id: "state", title: t("person.state"), show: ({ state }) => <State of={state} /> },
            { id: "counts", title: t("changed"), show: ({ counts }) => countsOf(counts) },
            { id: "actor", title: t("who"), show: ({ actor }) => actor },
            { id: "note", title: t("because"), show: ({ note }) => note },
          ]}
        />
        <Command text="isthmus directory runs" />
      </Section>
      {asked.run !== undefined && <OneRun key={asked.run} id={asked.run} />}
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

/** How a source stands, what is set of it and where that is changed, and whether it answers. */
function OneSource({ source }: { source: Source }) {
  const styles = useStyles();
  const may = useMay();
  const queries = useQueryClient();
  const { name, last, settings, file } = source;
  const begin = (approved: boolean) => async () => {
    told(await api.POST("/v1/directory/runs", { body: { source: name, full: false, approved, dry_run: false } }));
    await queries.invalidateQueries({ queryKey: ["sync"] });
  };
  return (
    <Section title={t("sourceNamed", { name })}>
      {last !== null && (last.state === "failed" || last.state === "asking") && (
        <MessageBar intent={last.state === "failed" ? "error" : "warning"} layout="multiline">
          <MessageBarBody>{last.state === "failed" ? t("lastRunFailed", { note: last.note }) : t("lastRunAsks", { note: last.note })}</MessageBarBody>
        </MessageBar>
      )}
      <Facts
        of={[
          [t("kind"), source.kind],
          [t("people"), count(source.people)],
          [t("conflicts"), count(source.conflicts)],
          [t("runsItself"), source.interval_s > 0 ? t("everySeconds", { seconds: count(source.interval_s) }) : t("onlyWhenAsked")],
          [t("lastGood"), source.synced === null ? t("never") : moment(source.synced)],
          [t("lastRun"), last && <span key="last"><State of={last.state} /> <Go to="/sync" search={{ run: last.id }}>{moment(last.started)}</Go></span>],
        ]}
      />
      {may("directory.sync") && (
        <>
          <div className={styles.actions}>
            <Confirm
              text={t("syncNow")}
              title={t("syncAsk", { name })}
              consequences={t("syncWhy")}
              command={command(["directory", "sync", name])}
              done={t("syncStarted")}
              onConfirm={begin(false)}
            />
            {last?.state === "asking" && (
              <Confirm
                text={t("syncAllTheSame")}
                title={t("syncAsk", { name })}
                consequences={last.note}
                command={command(["directory", "sync", name], { yes: true })}
                done={t("syncStarted")}
                onConfirm={begin(true)}
              />
            )}
          </div>
          <Check source={name} />
          <DryRun source={name} />
        </>
      )}
      {settings.length > 0 && (
        <ShortTable
          label={t("settings")}
          none=""
          rows={settings}
          keyOf={(each) => each.name}
          columns={[
            { id: "name", title: t("setting"), show: (each) => each.name },
            { id: "value", title: t("value"), show: ({ value }) => value },
          ]}
        />
      )}
      <Text>{file === null ? t("sourcePushed") : t("sourceSetIn", { file, name })}</Text>
    </Section>
  );
}

/** Asks a source whether it answers and lets us in. */
function Check({ source }: { source: string }) {
  const looked = useWork(async () => told(await api.POST("/v1/directory/sources/{name}/check", { params: { path: { name: source } } })));
  const found = looked.data?.found ?? "";
  return (
    <>
      <div>
        <Button disabled={looked.isPending} onClick={() => { looked.mutate(); }}>
          {t("checkSource")}
        </Button>
      </div>
      <Fault error={looked.error} />
      {found !== "" && (
        <MessageBar intent="success" role="status" layout="multiline">
          <MessageBarBody>{t("sourceAnswers", { found })}</MessageBarBody>
        </MessageBar>
      )}
      <Command text="isthmus directory sources --check" />
    </>
  );
}

function Changes({ label, changes }: { label: string; changes: Change[] }) {
  return (
    <>
      <ShortTable
        label={label}
        none={t("nothingChanged")}
        rows={changes.slice(0, MOST_SHOWN)}
        keyOf={(change) => `${change.kind} ${change.object} ${change.aor ?? ""}`}
        columns={[
          { id: "kind", title: t("what"), show: ({ kind, done }) => (done === false ? t("notDone", { kind }) : kind) },
          { id: "aor", title: t("person.aor"), show: ({ aor, object }) => aor ?? object },
          { id: "why", title: t("because"), show: ({ why }) => why.join("; ") },
          { id: "fault", title: t("fault"), show: ({ conflicts, reason }) => [...conflicts, reason].filter((each) => each).join("; ") },
        ]}
      />
      {changes.length > MOST_SHOWN && <Text>{t("andMore", { count: count(changes.length - MOST_SHOWN) })}</Text>}
    </>
  );
}

/** What a run changed, or could not. */
function OneRun({ id }: { id: string }) {
  const run = useQuery({
    queryKey: ["sync", "run", id],
    queryFn: async () => told(await api.GET("/v1/directory/runs/{run_id}", { params: { path: { run_id: id } } })),
  });
  const changes = (run.data as unknown as { changes: Change[] } | undefined)?.changes;
  return (
    <Section title={t("runNamed", { id })}>
      <Loading of={[run]} />
      {run.data?.note !== undefined && run.data.note !== "" && <Text>{run.data.note}</Text>}
      {changes && <Changes label={t("runNamed", { id })} changes={changes} />}
      <Command text={command(["directory", "runs", id])} />
    </Section>
  );
}

function DryRun({ source }: { source: string }) {
  const looked = useWork(async () => {
    const body = { source, full: true, approved: false, dry_run: true };
    return told(await api.POST("/v1/directory/runs", { body }));
  });
  const plan = looked.data as unknown as Plan | undefined;
  return (
    <>
      <div>
        <Button disabled={looked.isPending} onClick={() => { looked.mutate(); }}>
          {t("dryRun")}
        </Button>
      </div>
      <Fault error={looked.error} />
      {plan && (
        <>
          <MessageBar intent="info" role="status" layout="multiline">
            <MessageBarBody>{t("dryRunResult", { counts: countsOf(plan.counts) || t("nothingChanged"), note: plan.note })}</MessageBarBody>
          </MessageBar>
          <Changes label={t("dryRun")} changes={plan.changes} />
        </>
      )}
      <Command text={command(["directory", "sync", source], { "dry-run": true, full: true })} />
    </>
  );
}
