import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, moment } from "../parts/format";
import { Filters } from "../parts/Filters";
import { Form, SwitchEntry, TextEntry, useForm } from "../parts/form";
import { Go } from "../parts/Go";
import { More } from "../parts/More";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { usePaged } from "../parts/paged";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import { useMay, useSession } from "../session";
import { backFrom, numberOf, seeNumber, take } from "./giving";
import { held, type Step } from "./owning";
import { Ranges } from "./Ranges";

type NumberState = components["schemas"]["NumberState"];
type Shown = components["schemas"]["NumberShown"];
type Details = components["schemas"]["NumberDetails"];
type Asked = Partial<Record<"state" | "country" | "pattern", string>>;

const STATES: NumberState[] = ["free", "reserved", "assigned"];
const PAGE = 100;

const owner = (of: Shown["owner"]) => (of === null ? "" : of.kind === "person" ? <Go to="/people/$aor" params={{ aor: of.name }}>{of.name}</Go> : `${of.kind} ${of.name}`);

/** The inventory: what numbers there are, and who has which. */
export function NumbersPage() {
  const asked: Asked = useSearch({ strict: false });
  const state = STATES.find((each) => each === asked.state) ?? null;
  const numbers = usePaged<Shown>(["numbers", asked], "after", (after) =>
    api.GET("/v1/numbers", {
      params: { query: { state, country: asked.country ?? null, pattern: asked.pattern ?? null, after, limit: PAGE } },
    }),
  );
  return (
    <Page title={t("numbers")}>
      <Ranges />
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
  const me = `account:${useSession().data?.account ?? ""}`;
  const details = found.data;
  /** Reserve or release it; whose it is then is what takes it back goes by. */
  const put = async (step: Step) => {
    const before = held(await seeNumber(number));
    await take(step);
    const undo = await backFrom(before, held(await seeNumber(number)), me, "", again);
    await again();
    return undo;
  };
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
                onConfirm={() => put({ do: "reserve", number })}
              />
            )}
            {(details.state === "assigned" || details.state === "reserved") && (
              <Confirm
                text={t("release")}
                title={t("releaseAsk", { number })}
                consequences={held(details).kept === "" || held(details).kept === me ? t("releaseWhy") : t("releaseOthersWhy", { who: held(details).kept })}
                command={command(["number", "release", number])}
                done={t("saved")}
                onConfirm={() => put({ do: "release", number })}
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
          {may("number.assign") && <Assign key={details.number} details={details} me={me} again={again} />}
          <Command text={command(["number", "show", number])} />
        </>
      )}
    </Page>
  );
}

function Assign({ details, me, again }: { details: Details; me: string; again: () => Promise<void> }) {
  const tell = useDone();
  const form = useForm({ owner: "", replace: "" });
  const moves = details.state === "assigned";
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ owner: to, replace }) => {
      const { number } = details;
      const before = held(await seeNumber(number));
      const former = replace === "yes" ? await numberOf(to.trim()) : "";
      await take({ do: moves ? "transfer" : "assign", number, owner: to.trim(), replace: replace === "yes" });
      undo = await backFrom(before, held(await seeNumber(number)), me, former, again);
    });
    if (!done) return;
    tell(t("saved"), undo);
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
