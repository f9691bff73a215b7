import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { Filters } from "../parts/Filters";
import { ChoiceEntry, Form, SwitchEntry, TextEntry, useForm } from "../parts/form";
import { Go } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { usePaged } from "../parts/paged";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { part, takingBack, type Undo } from "../parts/undo";
import { useMay } from "../session";

type NumberState = components["schemas"]["NumberState"];
type Shown = components["schemas"]["NumberShown"];
type Range = components["schemas"]["RangeShown"];
type Details = components["schemas"]["NumberDetails"];
type Asked = Partial<Record<"state" | "country" | "pattern", string>>;

const STATES: NumberState[] = ["free", "reserved", "assigned"];
const PAGE = 100;

const owner = (of: Shown["owner"]) => (of === null ? "" : of.kind === "person" ? <Go to="/people/$aor" params={{ aor: of.name }}>{of.name}</Go> : `${of.kind} ${of.name}`);

/** The inventory: what numbers there are, and who has which. */
export function NumbersPage() {
  const asked: Asked = useSearch({ strict: false });
  const may = useMay();
  const state = STATES.find((each) => each === asked.state) ?? null;
  const numbers = usePaged<Shown>(["numbers", asked], "after", (after) =>
    api.GET("/v1/numbers", {
      params: { query: { state, country: asked.country ?? null, pattern: asked.pattern ?? null, after, limit: PAGE } },
    }),
  );
  const ranges = useQuery({
    queryKey: ["numbers", "ranges"],
    queryFn: async () => told(await api.GET("/v1/numbers/ranges")),
  });
  return (
    <Page title={t("numbers")}>
      <Section title={t("ranges")}>
        <Loading of={[ranges]} />
        <ShortTable
          label={t("ranges")}
          none={t("noRanges")}
          rows={ranges.data}
          keyOf={({ range }) => range}
          columns={[
            { id: "range", title: t("range"), show: ({ range }) => range },
            { id: "use", title: t("use"), show: ({ use }) => use },
            { id: "source", title: t("source"), show: ({ source, carrier }) => [source, carrier].filter((each) => each).join(", ") },
            { id: "free", title: t("freeOf"), show: ({ free, numbers: all }) => `${count(free)} / ${count(all)}` },
            { id: "do", title: t("actions"), show: (range) => may("number.write") && <RemoveRange of={range} /> },
          ]}
        />
        {may("number.write") && <NewRange />}
      </Section>
      <Section title={t("numbers")}>
        <Filters
          to="/numbers"
          present={asked}
          filters={[
            { name: "pattern", label: t("pattern") },
            { name: "state", label: t("person.state"), options: STATES.map((each) => [each, named("numberState", each)]) },
            { name: "country", label: t("country") },
          ]}
        />
        <Loading of={[numbers]} />
        <ShortTable
          label={t("numbers")}
          none={t("noNumbers")}
          rows={numbers.rows}
          keyOf={({ number }) => number}
          columns={[
            { id: "number", title: t("person.number"), show: ({ number }) => <Go to="/numbers/$number" params={{ number }}>{number}</Go> },
            { id: "state", title: t("person.state"), show: (each) => <State of={each.state} kind="numberState" /> },
            { id: "owner", title: t("owner"), show: (each) => owner(each.owner) },
            { id: "use", title: t("use"), show: ({ use }) => use ?? "" },
            { id: "country", title: t("country"), show: ({ country, area }) => [country, area].filter((each) => each).join(", ") },
          ]}
        />
        <More of={numbers} />
        <Command text={command(["number", "list"], { ...asked })} />
      </Section>
    </Page>
  );
}

const USES = ["subscriber", "service", "toll-free"] as const;
const SOURCES = ["premises-trunk", "connector", "calling-plan"] as const;

/** What was said of a range, without what became of its numbers. */
const rangeAt = (first: string, last: string) => async () =>
  part(await api.GET("/v1/numbers/ranges"), (ranges) => {
    const found = ranges.find((each) => each.first === first && each.last === last);
    return found && [found.use, found.source, found.carrier, found.note];
  });

function RemoveRange({ of }: { of: Range }) {
  const queries = useQueryClient();
  const { range, use, source } = of;
  return (
    <Confirm
      text={t("delete")}
      title={t("deleteRange", { range })}
      consequences={t("deleteRangeWhy")}
      command={command(["number", "remove", range])}
      done={t("saved")}
      onConfirm={async () => {
        told(await api.DELETE("/v1/numbers/ranges/{range_}", { params: { path: { range_: range } } }));
        const undo = await takingBack(rangeAt(of.first, of.last), async () => {
          told(await api.POST("/v1/numbers/ranges", { body: { range, use, source, carrier: of.carrier ?? "", note: of.note ?? "" } }));
          await queries.invalidateQueries({ queryKey: ["numbers"] });
        });
        await queries.invalidateQueries({ queryKey: ["numbers"] });
        return undo;
      }}
    />
  );
}

function NewRange() {
  const tell = useDone();
  const queries = useQueryClient();
  const form = useForm({ range: "", use: "subscriber", source: "premises-trunk", carrier: "", note: "" });
  const { values, set } = form;
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ range, carrier, note }) => {
      const use = USES.find((each) => each === values.use) ?? "subscriber";
      const source = SOURCES.find((each) => each === values.source) ?? "premises-trunk";
      const made = told(await api.POST("/v1/numbers/ranges", { body: { range: range.trim(), use, source, carrier, note } }));
      undo = await takingBack(rangeAt(made.first, made.last), async () => {
        told(await api.DELETE("/v1/numbers/ranges/{range_}", { params: { path: { range_: made.range } } }));
        await queries.invalidateQueries({ queryKey: ["numbers"] });
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    set("range", "");
    await queries.invalidateQueries({ queryKey: ["numbers"] });
  };
  return (
    <Section title={t("newRange")}>
      <Form
        text={t("addRange")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["number", "add", values.range || "RANGE"], { use: values.use, source: values.source, carrier: values.carrier, note: values.note })}
      >
        <TextEntry of={form} name="range" label={t("range")} hint={t("rangeHint")} required />
        <ChoiceEntry of={form} name="use" label={t("use")} options={USES.map((each) => [each, named("numberUse", each)])} />
        <ChoiceEntry of={form} name="source" label={t("callsComeBy")} options={SOURCES.map((each) => [each, named("numberSource", each)])} />
        <TextEntry words of={form} name="carrier" label={t("carrier")} />
        <TextEntry words of={form} name="note" label={t("note")} />
      </Form>
    </Section>
  );
}

export function NumberPage() {
  const { number = "" }: { number?: string } = useParams({ strict: false });
  const may = useMay();
  const queries = useQueryClient();
  const found = useQuery({
    queryKey: ["number", number],
    queryFn: async () => told(await api.GET("/v1/numbers/{number}", { params: { path: { number } } })),
  });
  const again = async () => {
    void queries.invalidateQueries({ queryKey: ["numbers"] });
    await queries.invalidateQueries({ queryKey: ["number", number] });
  };
  const path = { params: { path: { number } } };
  const details = found.data;
  return (
    <Page
      title={number}
      above={[{ to: "/numbers", title: t("numbers") }]}
      actions={
        details &&
        may("number.assign") && (
          <>
            {details.state === "free" && (
              <Confirm
                text={t("reserve")}
                title={t("reserveAsk", { number })}
                consequences={t("reserveWhy")}
                command={command(["number", "reserve", number])}
                done={t("saved")}
                onConfirm={async () => {
                  told(await api.POST("/v1/numbers/{number}/reserve", path));
                  await again();
                }}
              />
            )}
            {(details.state === "assigned" || details.state === "reserved") && (
              <Confirm
                text={t("release")}
                title={t("releaseAsk", { number })}
                consequences={t("releaseWhy")}
                command={command(["number", "release", number])}
                done={t("saved")}
                onConfirm={async () => {
                  told(await api.POST("/v1/numbers/{number}/release", path));
                  await again();
                }}
              />
            )}
          </>
        )
      }
    >
      <Loading of={[found]} />
      {details && (
        <>
          <Facts
            of={[
              [t("person.state"), <State key="state" of={details.state} kind="numberState" />],
              [t("owner"), owner(details.owner)],
              [t("reservedUntil"), moment(details.reserved_until)],
              [t("use"), details.use],
              [t("source"), [details.source, details.carrier].filter((each) => each).join(", ")],
              [t("country"), [details.country, details.area].filter((each) => each).join(", ")],
              [t("range"), details.range],
              [t("extensions"), details.people.map(({ extension, aor }) => `${extension}: ${aor}`).join("; ")],
            ]}
          />
          {may("number.assign") && <Assign details={details} again={again} />}
          <Command text={command(["number", "show", number])} />
        </>
      )}
    </Page>
  );
}

function Assign({ details, again }: { details: Details; again: () => Promise<void> }) {
  const tell = useDone();
  const form = useForm({ owner: "", replace: "" });
  const moves = details.state === "assigned";
  const submit = async () => {
    const done = await form.submit(async ({ owner: to, replace }) => {
      const body = { owner: to.trim(), replace: replace === "yes" };
      const path = { params: { path: { number: details.number } }, body };
      return told(moves ? await api.POST("/v1/numbers/{number}/transfer", path) : await api.POST("/v1/numbers/{number}/assign", path));
    });
    if (!done) return;
    tell(t("saved"));
    await again();
  };
  return (
    <Section title={moves ? t("transfer") : t("assign")}>
      <Form
        text={moves ? t("transfer") : t("assign")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["number", moves ? "transfer" : "assign", details.number, form.values.owner || "OWNER"], { replace: form.values.replace === "yes" })}
      >
        <TextEntry of={form} name="owner" label={t("owner")} hint={t("ownerHint")} required />
        <SwitchEntry of={form} name="replace" label={t("replaceNumber")} />
      </Form>
    </Section>
  );
}
