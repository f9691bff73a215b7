import { api } from "../../api/client";
import { t } from "../../messages/console";
import { command, lasting, moment, zoned } from "../parts/format";
import { Go } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Loading } from "../parts/Page";
import { usePaged } from "../parts/paged";
import { ShortTable } from "../parts/Table";
import type { components } from "../../api/schema";

export type CallRecord = components["schemas"]["CallRecord"];
export type RecordsAsked = Partial<Record<"who" | "site" | "trunk" | "code" | "answered" | "since" | "until", string>>;

const PAGE = 50;

export function useRecords(asked: RecordsAsked, refreshMs?: number) {
  return usePaged<CallRecord>(
    ["records", asked],
    "before",
    (before) =>
      api.GET("/v1/calls/records", {
        params: {
          query: {
            who: asked.who ?? null,
            site: asked.site ?? null,
            trunk: asked.trunk ?? null,
            code: asked.code === undefined ? null : Number(asked.code),
            answered: asked.answered === undefined ? null : asked.answered === "yes",
            since: zoned(asked.since),
            until: zoned(asked.until),
            before,
            limit: PAGE,
          },
        },
      }),
    refreshMs,
  );
}

export function RecordsTable({ rows }: { rows: readonly CallRecord[] | undefined }) {
  return (
    <ShortTable
      label={t("records")}
      none={t("noRecords")}
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        { id: "began", title: t("when"), show: ({ began, call_id }) => <Go to="/calls/$id" params={{ id: call_id }}>{moment(began)}</Go> },
        { id: "from", title: t("from"), share: 2, show: ({ caller }) => caller },
        { id: "to", title: t("to"), share: 2, show: ({ callee }) => callee },
        { id: "site", title: t("site"), show: ({ site }) => site },
        { id: "way", title: t("wayTaken"), show: ({ route, way }) => [route, way].filter((each) => each).join(" ") },
        { id: "lasted", title: t("lasted"), show: ({ answered, seconds }) => (answered === null ? "–" : lasting(seconds)) },
        { id: "end", title: t("result"), show: ({ code, reason }) => `${String(code)} ${reason}` },
        { id: "mos", title: t("mos"), show: ({ mos }) => (mos === null ? "" : mos.toFixed(1)) },
      ]}
    />
  );
}

/** The calls of somebody that are over. */
export function RecordsOf({ who }: { who: string }) {
  const records = useRecords({ who });
  return (
    <>
      <Loading of={[records]} />
      <RecordsTable rows={records.rows} />
      <More of={records} />
      <Command text={command(["call", "records"], { who })} />
    </>
  );
}
