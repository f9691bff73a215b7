import { Text } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { changing, type Subject } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { command, count } from "../parts/format";
import { ChoiceEntry, Form, TextEntry, useForm, type FormState } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Facts, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import { useMay } from "../session";

type Range = components["schemas"]["RangeShown"];

const USES = ["subscriber", "service", "toll-free"] as const;
const SOURCES = ["premises-trunk", "connector", "calling-plan"] as const;

const useRanges = () =>
  useQuery({
    queryKey: ["numbers", "ranges"],
    queryFn: async () => told(await api.GET("/v1/numbers/ranges")),
  });

/** The ranges of the inventory, as a part of the page of numbers. */
export function Ranges() {
  const may = useMay();
  const ranges = useRanges();
  return (
    <Section title={t("ranges")}>
      <Loading of={[ranges]} />
      <ShortTable
        label={t("ranges")}
        none={t("noRanges")}
        rows={ranges.data}
        keyOf={({ range }) => range}
        columns={[
          { id: "range", title: t("range"), show: ({ range }) => <Go to="/numbers/ranges/$range" params={{ range }}>{range}</Go> },
          { id: "use", title: t("use"), show: ({ use }) => use },
          { id: "source", title: t("source"), show: ({ source, carrier }) => [source, carrier].filter((each) => each).join(", ") },
          { id: "free", title: t("freeOf"), show: ({ free, numbers: all }) => `${count(free)} / ${count(all)}` },
          { id: "do", title: t("actions"), show: (range) => may("number.write") && <RemoveRange of={range} /> },
        ]}
      />
      {may("number.write") && <NewRange />}
    </Section>
  );
}

const rangeAt = (range: string) => ({ params: { path: { range_: range } } });

/** What is said of a range, without what becomes of its numbers. */
const saidOf = ({ use, source, carrier, note }: Range) => ({ use, source, carrier: carrier ?? "", note: note ?? "" });
const theRange = (range: string): Subject<Range> => ({ look: () => api.GET("/v1/numbers/ranges/{range_}", rangeAt(range)), about: saidOf });

function RemoveRange({ of, gone }: { of: Range; gone?: () => void }) {
  const queries = useQueryClient();
  const { range } = of;
  return (
    <Confirm
      text={t("delete")}
      title={t("deleteRange", { range })}
      consequences={t("deleteRangeWhy")}
      command={command(["number", "remove", range])}
      done={t("saved")}
      onConfirm={async () => {
        const remove = (headers: Record<string, string>) => api.DELETE("/v1/numbers/ranges/{range_}", { ...rangeAt(range), headers });
        const undo = await changing(theRange(range), of, remove, async (headers) => {
          told(await api.POST("/v1/numbers/ranges", { headers, body: { range, ...saidOf(of) } }));
          await queries.invalidateQueries({ queryKey: ["numbers"] });
        });
        gone?.();
        await queries.invalidateQueries({ queryKey: ["numbers"] });
        return undo;
      }}
    />
  );
}

const asUse = (text: string) => USES.find((each) => each === text) ?? "subscriber";
const asSource = (text: string) => SOURCES.find((each) => each === text) ?? "premises-trunk";

function NewRange() {
  const tell = useDone();
  const queries = useQueryClient();
  const form = useForm({ range: "", use: "subscriber", source: "premises-trunk", carrier: "", note: "" });
  const { values, set } = form;
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ range, carrier, note }) => {
      const body = { range: range.trim(), use: asUse(values.use), source: asSource(values.source), carrier, note };
      let made = body.range; // as it was typed, until the answer says how the inventory writes it
      const look = () => theRange(made).look();
      const add = async (headers: Record<string, string>) => {
        const answer = await api.POST("/v1/numbers/ranges", { headers, body });
        made = answer.data?.range ?? made;
        return answer;
      };
      undo = await changing({ look, about: saidOf }, undefined, add, async (headers) => {
        told(await api.DELETE("/v1/numbers/ranges/{range_}", { ...rangeAt(made), headers }));
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
        <AboutRange of={form} />
      </Form>
    </Section>
  );
}

/** What is said of a range, but for which it is. */
type About = Record<"use" | "source" | "carrier" | "note", string>;

function AboutRange<Values extends About>({ of }: { of: FormState<Values> }) {
  return (
    <>
      <ChoiceEntry of={of} name="use" label={t("use")} options={USES.map((each) => [each, named("numberUse", each)])} />
      <ChoiceEntry of={of} name="source" label={t("callsComeBy")} options={SOURCES.map((each) => [each, named("numberSource", each)])} />
      <TextEntry words of={of} name="carrier" label={t("carrier")} />
      <TextEntry words of={of} name="note" label={t("note")} />
    </>
  );
}

export function RangePage() {
  const { range = "" }: { range?: string } = useParams({ strict: false });
  const may = useMay();
  const go = useGo();
  const ranges = useRanges();
  const found = ranges.data?.find((each) => each.range === range);
  return (
    <Page
      title={range}
      above={[{ to: "/numbers", title: t("numbers") }]}
      actions={found && may("number.write") && <RemoveRange of={found} gone={() => { go({ to: "/numbers" }); }} />}
    >
      <Loading of={[ranges]} />
      {ranges.data && !found && <Text>{t("noSuchRange", { range })}</Text>}
      {found && (
        <>
          <Facts
            of={[
              [t("freeOf"), `${count(found.free)} / ${count(found.numbers)}`],
              [t("numberState.assigned"), count(found.assigned)],
              [t("numberState.reserved"), count(found.reserved)],
              [t("use"), named("numberUse", found.use)],
              [t("callsComeBy"), named("numberSource", found.source)],
              [t("carrier"), found.carrier],
              [t("note"), found.note],
              [t("country"), [found.country, found.area].filter((each) => each).join(", ")],
            ]}
          />
          {may("number.write") && <EditRange key={JSON.stringify(saidOf(found))} of={found} />}
        </>
      )}
    </Page>
  );
}

function EditRange({ of }: { of: Range }) {
  const tell = useDone();
  const queries = useQueryClient();
  const were = saidOf(of);
  const form = useForm<About>(were);
  const { values } = form;
  const path = rangeAt(of.range);
  const again = () => queries.invalidateQueries({ queryKey: ["numbers"] });
  const different = (name: keyof About) => (values[name] === were[name] ? undefined : [values[name]]);
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ use, source, carrier, note }) => {
      const body = { use: asUse(use), source: asSource(source), carrier, note };
      const save = (headers: Record<string, string>) => api.PATCH("/v1/numbers/ranges/{range_}", { ...path, headers, body });
      undo = await changing(theRange(of.range), of, save, async (headers) => {
        told(await api.PATCH("/v1/numbers/ranges/{range_}", { ...path, headers, body: were }));
        await again();
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
  };
  return (
    <Section title={t("change")}>
      <Form
        text={t("save")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["number", "set", of.range], {
          use: different("use"),
          source: different("source"),
          carrier: different("carrier"),
          note: different("note"),
        })}
      >
        <AboutRange of={form} />
      </Form>
    </Section>
  );
}
