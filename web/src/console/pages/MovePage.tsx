import { Button, Field, makeStyles, MessageBar, MessageBarBody, ProgressBar, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons/svg/arrow-download";
import { ArrowMoveRegular } from "@fluentui/react-icons/svg/arrow-move";
import { DismissRegular } from "@fluentui/react-icons/svg/dismiss";
import { PauseRegular } from "@fluentui/react-icons/svg/pause";
import { PlayRegular } from "@fluentui/react-icons/svg/play";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { keepChosen } from "../chosen";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { Go, useGo } from "../parts/Go";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { VirtualTable } from "../parts/Table";
import { useMay } from "../session";
import { csvOf, download } from "./csv";

type Batch = components["schemas"]["BatchWithPeople"];
type Moving = components["schemas"]["PersonMove"];

const LIVE_MS = 1_000;
const FEW = 500; // of a larger batch only those who wait or were not moved are asked for while it runs
// The steps of a move, in their order (docs/move.md).
const STEPS = [
  "queued", "preflight", "preparing", "committing", "publishing", "handing_over", "verifying", "cleaning_up", "undoing", "moved",
  "not_moved", "cancelled",
];

const useStyles = makeStyles({
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  steps: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalL, listStyleType: "none", margin: 0, padding: 0 },
  step: { display: "flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
});

const nothing = () => undefined;
const path = (id: string) => ({ params: { path: { batch_id: id } } });

export function MovePage() {
  const { id = "" }: { id?: string } = useParams({ strict: false });
  const styles = useStyles();
  const queries = useQueryClient();
  const may = useMay();
  const summary = useQuery({
    queryKey: ["move", id],
    refetchInterval: ({ state }) => (state.data?.finished === null ? LIVE_MS : false),
    queryFn: async () => told(await api.GET("/v1/moves/{batch_id}", { params: { path: { batch_id: id }, query: { people: "none" } } })),
  });
  const batch = summary.data;
  const whole = batch !== undefined && (batch.finished !== null || batch.total <= FEW);
  const people = useQuery({
    queryKey: ["move", id, "people", whole, batch?.finished ?? null],
    enabled: batch !== undefined,
    refetchInterval: batch?.finished === null ? LIVE_MS * (whole ? 1 : 5) : false,
    placeholderData: (before) => before,
    queryFn: async () =>
      told(await api.GET("/v1/moves/{batch_id}", { params: { path: { batch_id: id }, query: { people: whole ? "all" : "not_moved" } } })).people ?? [],
  });
  const again = async () => {
    await queries.invalidateQueries({ queryKey: ["move", id] });
    void queries.invalidateQueries({ queryKey: ["people"] });
  };
  return (
    <Page
      title={t("moveTitle", { id })}
      above={[{ to: "/moves", title: t("moves") }]}
      actions={<div className={styles.actions}>{batch && may("move.control") && <Steering batch={batch} again={again} />}</div>}
    >
      <Loading of={[summary]} />
      {batch && (
        <>
          <Progress batch={batch} />
          <Section
            title={whole ? t("people") : t("notYetMoved")}
            actions={people.data && batch.finished !== null && <Outcome batch={batch} people={people.data} />}
          >
            <People people={people.data ?? []} />
          </Section>
          <Command text={command(["move", "show", id], { all: true })} />
        </>
      )}
    </Page>
  );
}

function Progress({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const done = batch.moved + batch.not_moved;
  return (
    <>
      <Facts
        of={[
          [t("person.state"), <State key="state" of={batch.state} />],
          [t("moveTo"), batch.to],
          [t("who"), batch.actor],
          [t("when"), moment(batch.created)],
          [t("begins"), moment(batch.begins)],
          [t("finishedAt"), moment(batch.finished)],
          [t("waitsFor"), batch.note],
          [t("rate"), batch.moved > 0 ? t("ratePerS", { rate: count(batch.rate_per_s) }) : ""],
        ]}
      />
      <Field label={t("progress", { done: count(done), total: count(batch.total) })}>
        <ProgressBar value={batch.total === 0 ? 1 : done / batch.total} color={batch.not_moved > 0 ? "warning" : "brand"} />
      </Field>
      <ul className={styles.steps} aria-label={t("steps")}>
        {STEPS.filter((step) => (batch.counts[step] ?? 0) > 0).map((step) => (
          <li key={step} className={styles.step}>
            <Text>{named("step", step)}</Text>
            <Text weight="semibold">{count(batch.counts[step])}</Text>
          </li>
        ))}
      </ul>
      {batch.finished !== null && (
        <MessageBar intent={batch.not_moved > 0 ? "warning" : "success"} role="status">
          <MessageBarBody>{t("moveOver", { moved: count(batch.moved), not: count(batch.not_moved) })}</MessageBarBody>
        </MessageBar>
      )}
    </>
  );
}

function Steering({ batch, again }: { batch: Batch; again: () => Promise<void> }) {
  const { id } = batch;
  if (batch.finished !== null) return null;
  return (
    <>
      {batch.state === "running" && (
        <Confirm
          text={t("pause")}
          icon={<PauseRegular />}
          title={t("pauseAsk")}
          consequences={t("pauseWhy")}
          command={command(["move", "pause", id])}
          done={t("paused")}
          onConfirm={async () => {
            told(await api.POST("/v1/moves/{batch_id}/pause", path(id)));
            await again();
          }}
        />
      )}
      {(batch.state === "paused" || batch.state === "scheduled") && (
        <Confirm
          text={batch.state === "paused" ? t("resume") : t("beginNow")}
          icon={<PlayRegular />}
          title={t("resumeAsk")}
          consequences={t("resumeWhy")}
          command={command(["move", "resume", id])}
          done={t("resumed")}
          onConfirm={async () => {
            told(await api.POST("/v1/moves/{batch_id}/resume", path(id)));
            await again();
          }}
        />
      )}
      {batch.state !== "cancelled" && (
        <Confirm
          text={t("cancel")}
          icon={<DismissRegular />}
          title={t("cancelAsk")}
          consequences={t("cancelWhy")}
          command={command(["move", "cancel", id])}
          done={t("cancelled")}
          onConfirm={async () => {
            told(await api.POST("/v1/moves/{batch_id}/cancel", path(id)));
            await again();
          }}
        />
      )}
    </>
  );
}

function Outcome({ batch, people }: { batch: Batch; people: Moving[] }) {
  const styles = useStyles();
  const go = useGo();
  const moved = people.filter(({ state }) => state === "moved");
  const back = moved[0]?.from;
  return (
    <div className={styles.actions}>
      <Button
        icon={<ArrowDownloadRegular />}
        onClick={() => {
          const rows = people.map((each) => [each.aor, each.state, each.from, batch.to, each.reasons.join("; "), each.note]);
          download(`move-${batch.id}.csv`, csvOf(["aor", "state", "from", "to", "reasons", "note"], rows));
        }}
      >
        {t("download")}
      </Button>
      {back !== undefined && (
        <Button
          icon={<ArrowMoveRegular />}
          onClick={() => {
            keepChosen(moved.filter(({ from }) => from === back).map(({ aor }) => aor));
            go({ to: "/moves/new", search: { to: back } });
          }}
        >
          {t("moveBack", { home: back })}
        </Button>
      )}
    </div>
  );
}

function People({ people }: { people: readonly Moving[] }) {
  if (people.length === 0) return <Text>{t("nobodyWaits")}</Text>;
  return (
    <VirtualTable
      label={t("people")}
      total={people.length}
      at={(index) => people[index]}
      keyOf={({ aor }) => aor}
      onRange={nothing}
      columns={[
        { id: "aor", title: t("person.aor"), share: 2, show: ({ aor }) => <Go to="/people/$aor" params={{ aor }}>{aor}</Go> },
        { id: "step", title: t("step"), show: ({ state }) => <State of={state} kind="step" /> },
        { id: "from", title: t("from"), show: ({ from }) => from },
        { id: "why", title: t("because"), share: 3, show: ({ reasons, note }) => [...reasons, note].filter((each) => each !== "").join("; ") },
      ]}
    />
  );
}
