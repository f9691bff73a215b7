import { Button, makeStyles, MessageBar, MessageBarBody, ProgressBar, Text, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { chosen } from "../chosen";
import { Confirm } from "../parts/Confirm";
import { command, count } from "../parts/format";
import { ChoiceEntry, Form, TextEntry, useForm } from "../parts/form";
import { Fault, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { useWork } from "../parts/work";
import { useMay } from "../session";
import { changesNothing, namesIn, type Wanted } from "./bulk";
import { applied, previewed, undone, type Line } from "./bulkwork";
import { csvOf, download } from "./csv";

const PAGE = 1000;
const MOST = 10_000;
const SHOWN = 200;
const FILTERS = ["match", "home", "group", "enabled"] as const;
type Asked = Partial<Record<(typeof FILTERS)[number], string>>;

const useStyles = makeStyles({ row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center" } });

const stated = (enabled: boolean) => t(enabled ? "state.enabled" : "state.disabled");

/** Those who fit the filter of the address; without one those who were chosen in the list. */
function useWhom(asked: Asked) {
  const filtered = FILTERS.some((name) => asked[name] !== undefined);
  return useQuery({
    queryKey: ["people", "bulk", asked],
    staleTime: Infinity,
    queryFn: async () => {
      if (!filtered) return chosen();
      const found: string[] = [];
      const query = { match: asked.match ?? null, home: asked.home ?? null, group: asked.group ?? null, enabled: asked.enabled === undefined ? null : asked.enabled === "yes" };
      for (;;) {
        const page = told(await api.GET("/v1/people", { params: { query: { ...query, after: found.at(-1) ?? null, limit: PAGE } } }));
        found.push(...page.map(({ aor }) => aor));
        if (page.length < PAGE || found.length >= MOST) return found.slice(0, MOST);
      }
    },
  });
}

/** The same change of many people: first what it would be for each, then all of it. */
export function BulkPage() {
  const asked: Asked = useSearch({ strict: false });
  const whom = useWhom(asked);
  const people = whom.data ?? [];
  return (
    <Page title={t("bulk")} above={[{ to: "/people", title: t("people") }]}>
      <Loading of={[whom]} />
      {whom.data && (
        <>
          <Text role="status">{people.length === 0 ? t("bulkNobody") : t("bulkWhom", { count: count(people.length) })}</Text>
          {people.length > 0 && <Change key={people.join()} people={people} />}
        </>
      )}
    </Page>
  );
}

function Change({ people }: { people: string[] }) {
  const may = useMay();
  const form = useForm({ enabled: "", add: "", remove: "", kind: "", policy: "", place: "" });
  const { values } = form;
  const wanted: Wanted = {
    enabled: values.enabled,
    addGroups: namesIn(values.add),
    removeGroups: namesIn(values.remove),
    kind: values.policy === "" ? "" : values.kind,
    policy: values.kind === "" ? "" : values.policy,
    place: values.place,
  };
  const asked = JSON.stringify(wanted);
  const [progress, setProgress] = useState<number>();
  const [preview, setPreview] = useState<{ lines: Line[]; asked: string }>();
  const policies = useQuery({
    queryKey: ["policies", ""],
    enabled: may("policy.write"),
    queryFn: async () => told(await api.GET("/v1/policies", { params: { query: { kind: null } } })),
  });
  const places = useQuery({
    queryKey: ["places"],
    enabled: may("address.write") && may("location.read"),
    queryFn: async () => told(await api.GET("/v1/locations/places")),
  });
  const kinds = [...new Set((policies.data ?? []).map(({ kind }) => kind))];
  const none: [string, string] = ["", t("asItIs")];
  const look = async () => {
    setPreview(undefined);
    setProgress(0);
    await form.submit(async () => {
      setPreview({ lines: await previewed(people, wanted, stated, setProgress), asked });
    });
    setProgress(undefined);
  };
  return (
    <>
      <Section title={t("bulkWhat")}>
        <Form
          text={t("preview")}
          state={{ faults: form.faults, busy: form.busy || changesNothing(wanted) }}
          onSubmit={() => void look()}
          command={command(["user", "edit", "-"], {
            enable: wanted.enabled === "yes",
            disable: wanted.enabled === "no",
            "add-group": wanted.addGroups,
            "remove-group": wanted.removeGroups,
            "dry-run": true,
          })}
        >
          <ChoiceEntry of={form} name="enabled" label={t("person.state")} options={[none, ["yes", t("state.enabled")], ["no", t("state.disabled")]]} />
          <TextEntry of={form} name="add" label={t("addGroups")} hint={t("person.groupsHint")} />
          <TextEntry of={form} name="remove" label={t("removeGroups")} hint={t("person.groupsHint")} />
          {kinds.length > 0 && <ChoiceEntry of={form} name="kind" label={t("policyKind")} options={[none, ...kinds.map((each): [string, string] => [each, each])]} />}
          {values.kind !== "" && (
            <ChoiceEntry
              of={form}
              name="policy"
              label={t("policyToGrant")}
              options={[none, ...(policies.data ?? []).filter(({ kind }) => kind === values.kind).map(({ name }): [string, string] => [name, name])]}
            />
          )}
          {(places.data ?? []).length > 0 && (
            <ChoiceEntry of={form} name="place" label={t("emergencyPlace")} options={[none, ...(places.data ?? []).map(({ name }): [string, string] => [name, name])]} />
          )}
        </Form>
      </Section>
      {progress !== undefined && <ProgressBar value={progress} max={people.length} aria-label={t("preview")} />}
      {preview?.asked === asked && <Preview key={asked} lines={preview.lines} wanted={wanted} />}
    </>
  );
}

const shown = (line: Line) => line.differences.map(({ what, before, after }) => `${named("bulk", what)}: ${before || "–"} → ${after || "–"}`).join("; ");

function Lines({ label, lines }: { label: string; lines: Line[] }) {
  return (
    <ShortTable
      label={label}
      none={t("nothingChanged")}
      rows={lines.slice(0, SHOWN)}
      keyOf={({ aor }) => aor}
      columns={[
        { id: "aor", title: t("person.aor"), show: ({ aor }) => aor },
        { id: "what", title: t("beforeAfter"), show: (line) => shown(line) || t("nothingChanged") },
        { id: "why", title: t("whyNot"), show: ({ why }) => why },
      ]}
    />
  );
}

function Preview({ lines, wanted }: { lines: Line[]; wanted: Wanted }) {
  const queries = useQueryClient();
  const [report, setReport] = useState<Line[]>();
  const [progress, setProgress] = useState<number>();
  const changing = lines.filter(({ differences }) => differences.length > 0);
  const refused = lines.filter(({ why }) => why !== "");
  const work = async () => {
    setProgress(0);
    try {
      setReport(await applied(lines, wanted, setProgress));
    } finally {
      setProgress(undefined);
      void queries.invalidateQueries({ queryKey: ["people", "page"] });
      void queries.invalidateQueries({ queryKey: ["policies"] });
    }
  };
  if (report !== undefined) return <Report report={report} wanted={wanted} />;
  return (
    <Section title={t("previewTitle")}>
      <MessageBar intent={refused.length > 0 ? "warning" : "info"} role="status" layout="multiline">
        <MessageBarBody>
          {t("bulkCounts", { changing: count(changing.length), same: count(lines.length - changing.length - refused.length), refused: count(refused.length) })}
        </MessageBarBody>
      </MessageBar>
      <div>
        <Confirm
          text={t("bulkApply")}
          title={t("bulkAsk", { count: count(changing.length) })}
          consequences={t("bulkWhy")}
          command={command(["user", "edit", "-"], {
            enable: wanted.enabled === "yes",
            disable: wanted.enabled === "no",
            "add-group": wanted.addGroups,
            "remove-group": wanted.removeGroups,
          })}
          done={t("bulkDone")}
          disabled={changing.length === 0 || progress !== undefined}
          onConfirm={work}
        />
      </div>
      {progress !== undefined && <ProgressBar value={progress} max={changing.length} aria-label={t("bulkApply")} />}
      <Lines label={t("previewTitle")} lines={[...refused, ...changing, ...lines.filter((line) => line.why === "" && line.differences.length === 0)]} />
      {lines.length > SHOWN && <Text>{t("firstShown", { count: count(SHOWN) })}</Text>}
    </Section>
  );
}

function Report({ report, wanted }: { report: Line[]; wanted: Wanted }) {
  const styles = useStyles();
  const tell = useDone();
  const queries = useQueryClient();
  const [progress, setProgress] = useState<number>();
  const [taken, setTaken] = useState<Line[]>();
  const failed = report.filter(({ why }) => why !== "");
  const takingBack = useWork(
    async () => {
      setProgress(0);
      try {
        return await undone(report, wanted, setProgress);
      } finally {
        setProgress(undefined);
      }
    },
    (left) => {
      setTaken(left);
      if (left.length === 0) tell(t("undone"));
      void queries.invalidateQueries({ queryKey: ["people", "page"] });
    },
  );
  return (
    <Section title={t("bulkDone")}>
      <MessageBar intent={failed.length > 0 ? "warning" : "success"} role="status" layout="multiline">
        <MessageBarBody>{t("bulkReport", { done: count(report.length - failed.length), failed: count(failed.length) })}</MessageBarBody>
      </MessageBar>
      <div className={styles.row}>
        <Button disabled={takingBack.isPending || taken !== undefined} onClick={() => { takingBack.mutate(); }}>{t("undo")}</Button>
        <Button
          onClick={() => {
            download("people.csv", csvOf(["aor", "changed", "why"], report.map((line) => [line.aor, shown(line), line.why])));
          }}
        >
          {t("download")}
        </Button>
      </div>
      {progress !== undefined && <ProgressBar value={progress} max={report.length} aria-label={t("undo")} />}
      <Fault error={takingBack.error} />
      {taken !== undefined && (
        <MessageBar intent={taken.length > 0 ? "warning" : "success"} role="status" layout="multiline">
          <MessageBarBody>{taken.length > 0 ? t("notUndone", { count: count(taken.length) }) : t("undone")}</MessageBarBody>
        </MessageBar>
      )}
      <Lines label={t("bulkDone")} lines={taken !== undefined && taken.length > 0 ? taken : [...failed, ...report.filter(({ why }) => why === "")]} />
    </Section>
  );
}
