import { Button, MessageBar, MessageBarBody, ProgressBar, Text } from "@fluentui/react-components";
import { ShieldKeyholeRegular } from "@fluentui/react-icons/svg/shield-keyhole";
import { useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError, api, told } from "../../api/client";
import { accessToken } from "../../api/signin";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { command, count, moment, zoned } from "../parts/format";
import { Filters } from "../parts/Filters";
import { Go } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Facts, Fault, Loading, Page, Section } from "../parts/Page";
import { usePaged } from "../parts/paged";
import { ShortTable, type Column } from "../parts/Table";
import { useMay } from "../session";

type Entry = components["schemas"]["AuditEntry"];
type Asked = Partial<Record<"actor" | "action" | "object" | "since" | "until" | "text", string>>;

const PAGE = 50;
const ABOVE = [{ to: "/audit", title: t("audit") }];

const COLUMNS: Column<Entry>[] = [
  { id: "at", title: t("when"), show: ({ id, at_ms }) => <Go to="/audit/$id" params={{ id: String(id) }}>{moment(at_ms / 1000)}</Go> },
  { id: "actor", title: t("who"), show: ({ actor }) => actor },
  { id: "action", title: t("what"), show: ({ action }) => action },
  { id: "object", title: t("toWhat"), show: ({ object }) => object },
  { id: "path", title: t("by"), show: ({ path, address }) => (address === "" ? path : `${path}, ${address}`) },
];

function Entries({ asked }: { asked: Asked }) {
  const entries = usePaged(["audit", asked], "before", (before) =>
    api.GET("/v1/audit", {
      params: {
        query: {
          actor: asked.actor ?? null,
          action: asked.action ?? null,
          object: asked.object ?? null,
          text: asked.text ?? null,
          since: zoned(asked.since),
          until: zoned(asked.until),
          before: before === null ? null : Number(before),
          limit: PAGE,
        },
      },
    }),
  );
  return (
    <>
      <Loading of={[entries]} />
      <ShortTable label={t("audit")} columns={COLUMNS} rows={entries.rows} keyOf={({ id }) => String(id)} none={t("noEntries")} />
      <More of={entries} />
      <Command text={command(["audit", "list"], { ...asked })} />
    </>
  );
}

export function AuditOf({ object }: { object: string }) {
  return (
    <Section title={t("audit")}>
      <Entries asked={{ object }} />
    </Section>
  );
}

export function AuditPage() {
  const asked: Asked = useSearch({ strict: false });
  const may = useMay();
  return (
    <Page title={t("audit")}>
      {may("audit.read") && <Verify />}
      <Filters
        to="/audit"
        present={asked}
        filters={[
          { name: "actor", label: t("who") },
          { name: "action", label: t("what") },
          { name: "object", label: t("toWhat") },
          { name: "text", label: t("anywhere") },
          { name: "since", label: t("since"), type: "datetime-local" },
          { name: "until", label: t("until"), type: "datetime-local" },
        ]}
      />
      <Entries asked={asked} />
    </Page>
  );
}

interface Verdict {
  ok: boolean;
  checked: number;
  faults: { what: string }[];
  notes: string[];
}

interface Line {
  done?: number;
  total?: number;
  verdict?: Verdict;
  error?: { what: string; where: string; do: string };
}

/** Reads what verification tells as it goes, a line of JSON each. */
async function verified(onProgress: (share: number) => void): Promise<Verdict> {
  const answer = await fetch("/v1/audit/verify", {
    method: "POST",
    credentials: "omit",
    headers: { Authorization: `Bearer ${await accessToken()}`, "Content-Type": "application/json" },
    body: "{}",
  });
  if (!answer.ok) throw new ApiError(answer.status, (await answer.json()) as ConstructorParameters<typeof ApiError>[1]);
  let rest = "";
  let verdict: Verdict | undefined;
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader?.read(); read !== undefined && !read.done; read = await reader?.read()) {
    const lines = (rest + read.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told_ = JSON.parse(line) as Line;
      if (told_.total !== undefined && told_.total > 0) onProgress((told_.done ?? 0) / told_.total);
      if (told_.error) throw new Error(told_.error.what);
      verdict = told_.verdict ?? verdict;
    }
  }
  if (verdict === undefined) throw new Error(t("failed"));
  return verdict;
}

function Verify() {
  const [share, setShare] = useState<number>();
  const [verdict, setVerdict] = useState<Verdict>();
  const [error, setError] = useState<Error | null>(null);
  const verify = async () => {
    setShare(0);
    setVerdict(undefined);
    setError(null);
    try {
      setVerdict(await verified(setShare));
    } catch (given) {
      setError(given instanceof Error ? given : new Error(String(given)));
    } finally {
      setShare(undefined);
    }
  };
  return (
    <Section title={t("verification")}>
      <Text>{t("verifyWhat")}</Text>
      <div>
        <Button icon={<ShieldKeyholeRegular />} disabled={share !== undefined} onClick={() => void verify()}>
          {t("verify")}
        </Button>
      </div>
      {share !== undefined && <ProgressBar value={share} aria-label={t("verification")} />}
      <Fault error={error} />
      {verdict && (
        <MessageBar intent={verdict.ok ? "success" : "error"} role="status" layout="multiline">
          <MessageBarBody>
            {verdict.ok ? t("auditWhole", { count: count(verdict.checked) }) : t("auditBroken")}{" "}
            {[...verdict.faults.map(({ what }) => what), ...verdict.notes].join("; ")}
          </MessageBarBody>
        </MessageBar>
      )}
      <Command text="isthmus audit verify" />
    </Section>
  );
}

export function AuditEntryPage() {
  const { id = "" }: { id?: string } = useParams({ strict: false });
  const found = useQuery({
    queryKey: ["audit", "entry", id],
    queryFn: async () => told(await api.GET("/v1/audit/{id_}", { params: { path: { id_: Number(id) } } })),
  });
  const entry = found.data;
  return (
    <Page title={t("auditEntry", { id })} above={ABOVE}>
      <Loading of={[found]} />
      {entry && (
        <>
          <Facts
            of={[
              [t("when"), moment(entry.at_ms / 1000)],
              [t("who"), entry.actor],
              [t("what"), entry.action],
              [t("toWhat"), <Go key="object" to="/audit" search={{ object: entry.object }}>{entry.object}</Go>],
              [t("by"), entry.path],
              [t("address"), entry.address],
              [t("digest"), entry.digest],
            ]}
          />
          <Section title={t("changed")}>
            <Changes before={entry.before} after={entry.after} />
          </Section>
          <Command text={command(["audit", "show", id])} />
        </>
      )}
    </Page>
  );
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : value === null || value === undefined ? {} : { "": value };
const text = (value: unknown) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

/** What differs between two states of an object, by its parts. */
function Changes({ before, after }: { before: unknown; after: unknown }) {
  const [was, is] = [record(before), record(after)];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => text(was[name]) !== text(is[name]));
  return (
    <ShortTable
      label={t("changed")}
      none={t("nothingChanged")}
      rows={names}
      keyOf={(name) => name}
      columns={[
        { id: "name", title: t("setting"), show: (name) => name },
        { id: "before", title: t("before"), show: (name) => text(was[name]) },
        { id: "after", title: t("after"), show: (name) => text(is[name]) },
      ]}
    />
  );
}
