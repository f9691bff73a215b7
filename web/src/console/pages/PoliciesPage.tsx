import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { changing, type Subject } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { command } from "../parts/format";
import { Filters } from "../parts/Filters";
import { ChoiceEntry, Form, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { GONE, part, takingBack, type Seen, type Undo } from "../parts/undo";
import { written } from "../parts/written";
import { useMay } from "../session";

type Level = components["schemas"]["isthmus__policy__api__GrantBody"]["level"];
type Grant = components["schemas"]["PolicyGrant"];
type Policy = components["schemas"]["PolicyWithGrants"];
type Value = string | number | boolean;

interface Kind {
  kind: string;
  about: string;
  settings: { name: string; default: unknown; form: string; about: string }[];
}

const LEVELS: Level[] = ["person", "group", "site", "tenant"];
const ABOVE = [{ to: "/policies", title: t("policies") }];

function useKinds() {
  return useQuery({
    queryKey: ["policies", "kinds"],
    staleTime: Infinity,
    queryFn: async () => told(await api.GET("/v1/policies/kinds")) as unknown as Kind[],
  });
}

const whom = ({ level, target }: { level: string; target: string }) => `${named("level", level)} ${target}`;

/** What people may do: named settings, and to whom they are granted. */
export function PoliciesPage() {
  const asked: { kind?: string } = useSearch({ strict: false });
  const may = useMay();
  const kinds = useKinds();
  const policies = useQuery({
    queryKey: ["policies", asked.kind ?? ""],
    queryFn: async () => told(await api.GET("/v1/policies", { params: { query: { kind: asked.kind ?? null } } })),
  });
  return (
    <Page title={t("policies")}>
      <Filters
        to="/policies"
        present={asked}
        filters={[{ name: "kind", label: t("kind"), options: kinds.data?.map(({ kind }): [string, string] => [kind, kind]) ?? [] }]}
      />
      <Loading of={[kinds, policies]} />
      <ShortTable
        label={t("policies")}
        none={t("noPolicies")}
        rows={policies.data}
        keyOf={({ kind, name }) => `${kind} ${name}`}
        columns={[
          { id: "name", title: t("person.name"), show: ({ kind, name }) => <Go to="/policies/$kind/$name" params={{ kind, name }}>{name}</Go> },
          { id: "kind", title: t("kind"), show: ({ kind }) => kind },
          { id: "description", title: t("description"), show: ({ description }) => description },
          { id: "grants", title: t("grantedTo"), show: ({ grants }) => grants.map(whom).join("; ") || t("nobody") },
        ]}
      />
      <Command text={command(["policy", "list", ...(asked.kind === undefined ? [] : [asked.kind])])} />
      {may("policy.write") && kinds.data && <NewPolicy kinds={kinds.data} />}
    </Page>
  );
}

const policyAt = (kind: string, name: string) => ({ params: { path: { kind, name } } });

type About = Pick<Policy, "description" | "settings">;
/** What a policy says; to whom it is granted is for the site, which deletes none that somebody has. */
const saidOf = ({ description, settings }: About) => ({ description, settings });
const thePolicy = (kind: string, name: string): Subject<About> => ({ look: () => api.GET("/v1/policies/{kind}/{name}", policyAt(kind, name)), about: saidOf });

/** What of its kind is granted to somebody, with its rank. */
const grantTo = (kind: string, level: string, target: string) => async () =>
  part(await api.GET("/v1/policies", { params: { query: { kind } } }), (policies) => {
    const grant = policies.flatMap(({ grants }) => grants).find((each) => each.level === level && (level === "tenant" || each.target === target));
    return grant && { policy: grant.policy, rank: grant.rank };
  });

/** Grant, or revoke where nothing was granted, as `state` of what `grantTo` saw says. Gives how it is then. */
async function putGrant(kind: string, level: Level, target: string, state: string): Promise<Seen> {
  const whom = { kind, level, target: level === "tenant" ? "" : target };
  if (state === "") {
    told(await api.POST("/v1/policies/revoke", { body: whom }));
    return GONE;
  }
  const { policy, rank } = told(await api.POST("/v1/policies/grant", { body: { ...whom, ...(JSON.parse(state) as { policy: string; rank: number | null }) } }));
  return { state: written({ policy, rank }) };
}

/** Lines of `name = value` as settings. */
function settingsOf(text: string): Record<string, Value> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || value === undefined) return [];
      const typed = value === "true" ? true : value === "false" ? false : /^-?\d+$/.test(value) ? Number(value) : value;
      return [[name, typed]];
    }),
  );
}

function NewPolicy({ kinds }: { kinds: Kind[] }) {
  const go = useGo();
  const tell = useDone();
  const queries = useQueryClient();
  const form = useForm({ kind: kinds[0]?.kind ?? "", name: "", description: "", settings: "" });
  const { values } = form;
  const kind = kinds.find((each) => each.kind === values.kind);
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ kind: of, name, description, settings }) => {
      const body = { kind: of, name, description, settings: settingsOf(settings) };
      undo = await changing(thePolicy(of, name), undefined, (headers) => api.POST("/v1/policies", { headers, body }), async (headers) => {
        told(await api.DELETE("/v1/policies/{kind}/{name}", { ...policyAt(of, name), headers }));
        await queries.invalidateQueries({ queryKey: ["policies"] });
        go({ to: "/policies", from: { to: "/policies/$kind/$name", params: { kind: of, name } } });
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    go({ to: "/policies/$kind/$name", params: { kind: values.kind, name: values.name } });
  };
  return (
    <Section title={t("newPolicy")}>
      <Form
        text={t("create")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["policy", "create", values.kind, values.name || "NAME"], {
          set: Object.entries(settingsOf(values.settings)).map(([name, value]) => `${name}=${String(value)}`),
          description: values.description,
        })}
      >
        <ChoiceEntry of={form} name="kind" label={t("kind")} {...(kind ? { hint: kind.about } : {})} options={kinds.map((each) => [each.kind, each.kind])} />
        <TextEntry of={form} name="name" label={t("person.name")} required />
        <TextEntry words of={form} name="description" label={t("description")} />
        <TextEntry of={form} name="settings" label={t("settings")} hint={t("settingsHint")} lines={4} />
      </Form>
      {kind && (
        <ShortTable
          label={t("settings")}
          none={t("nothingSet")}
          rows={kind.settings}
          keyOf={({ name }) => name}
          columns={[
            { id: "name", title: t("setting"), show: ({ name }) => name },
            { id: "form", title: t("value"), show: ({ form: takes }) => takes },
            { id: "default", title: t("default"), show: (each) => JSON.stringify(each.default) },
            { id: "about", title: t("about"), show: ({ about }) => about },
          ]}
        />
      )}
    </Section>
  );
}

export function PolicyPage() {
  const { kind = "", name = "" }: { kind?: string; name?: string } = useParams({ strict: false });
  const may = useMay();
  const go = useGo();
  const queries = useQueryClient();
  const path = { path: { kind, name } };
  const found = useQuery({
    queryKey: ["policies", kind, name],
    queryFn: async () => told(await api.GET("/v1/policies/{kind}/{name}", { params: path })),
  });
  const policy = found.data;
  const again = () => queries.invalidateQueries({ queryKey: ["policies"] });
  return (
    <Page
      title={`${kind} ${name}`}
      above={ABOVE}
      actions={
        policy &&
        may("policy.write") && (
          <Confirm
            text={t("delete")}
            title={t("deletePolicy", { name })}
            consequences={t("deletePolicyWhy", { count: String(policy.grants.length) })}
            command={command(["policy", "delete", kind, name])}
            done={t("saved")}
            onConfirm={async () => {
              const remove = (headers: Record<string, string>) => api.DELETE("/v1/policies/{kind}/{name}", { params: path, headers });
              const { description, settings } = policy;
              const undo = await changing(thePolicy(kind, name), policy, remove, async (headers) => {
                told(await api.POST("/v1/policies", { headers, body: { kind, name, description, settings: settings as Record<string, Value> } }));
                await again();
              });
              await again();
              go({ to: "/policies" });
              return undo;
            }}
          />
        )
      }
    >
      <Loading of={[found]} />
      {policy && (
        <>
          <Facts of={[[t("description"), policy.description], ...Object.entries(policy.settings).map(([each, value]): [string, string] => [each, JSON.stringify(value)])]} />
          <Section title={t("grantedTo")}>
            <ShortTable
              label={t("grantedTo")}
              none={t("nobody")}
              rows={policy.grants}
              keyOf={({ level, target }) => `${level} ${target}`}
              columns={[
                { id: "whom", title: t("who"), show: whom },
                { id: "rank", title: t("rank"), show: ({ rank }) => (rank === null ? "" : String(rank)) },
                { id: "do", title: t("actions"), show: (grant) => may("policy.write") && <Revoke grant={grant} again={again} /> },
              ]}
            />
            {may("policy.write") && <GrantForm kind={kind} name={name} again={again} />}
          </Section>
          {may("policy.write") && <EditPolicy key={JSON.stringify(saidOf(policy))} policy={policy} again={again} />}
          <Command text={command(["policy", "show", kind, name])} />
        </>
      )}
    </Page>
  );
}

const asLines = (settings: Policy["settings"]) => Object.entries(settings).map(([name, value]) => `${name} = ${String(value)}`);

function EditPolicy({ policy, again }: { policy: Policy; again: () => Promise<void> }) {
  const tell = useDone();
  const { kind, name } = policy;
  const form = useForm({ description: policy.description, settings: asLines(policy.settings).join("\n") });
  const { values } = form;
  const wanted = settingsOf(values.settings);
  const were = policy.settings as Record<string, Value>;
  const without = (settings: Record<string, Value>, others: Record<string, Value>) => Object.keys(others).filter((each) => !(each in settings));
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ description }) => {
      const changes = { description, settings: wanted, unset: without(wanted, were) };
      const save = (headers: Record<string, string>) => api.PATCH("/v1/policies/{kind}/{name}", { ...policyAt(kind, name), headers, body: changes });
      undo = await changing(thePolicy(kind, name), policy, save, async (headers) => {
        const body = { description: policy.description, settings: were, unset: without(were, wanted) };
        told(await api.PATCH("/v1/policies/{kind}/{name}", { ...policyAt(kind, name), headers, body }));
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
        command={command(["policy", "set", kind, name], {
          set: Object.entries(wanted).map(([each, value]) => `${each}=${String(value)}`),
          unset: without(wanted, were),
          description: values.description === policy.description ? undefined : values.description,
        })}
      >
        <TextEntry words of={form} name="description" label={t("description")} />
        <TextEntry of={form} name="settings" label={t("settings")} hint={t("settingsHint")} lines={4} />
      </Form>
    </Section>
  );
}

function optionsOf(level: Level, target: string) {
  return { person: level === "person" && target, group: level === "group" && target, home: level === "site" && target, everybody: level === "tenant" };
}

function Revoke({ grant, again }: { grant: Grant; again: () => Promise<void> }) {
  const { kind, level, target } = grant;
  return (
    <Confirm
      text={t("takeBack")}
      title={t("takeBackAsk", { whom: whom(grant) })}
      consequences={t("takeBackWhy")}
      command={command(["policy", "revoke", kind], optionsOf(level as Level, target))}
      done={t("saved")}
      onConfirm={async () => {
        const look = grantTo(kind, level, target);
        const before = await look();
        const left = await putGrant(kind, level as Level, target, "");
        const undo = await takingBack(look, async () => {
          await putGrant(kind, level as Level, target, before.state);
          await again();
        }, left);
        await again();
        return undo;
      }}
    />
  );
}

function GrantForm({ kind, name, again }: { kind: string; name: string; again: () => Promise<void> }) {
  const tell = useDone();
  const form = useForm({ level: "person", target: "", rank: "" });
  const { values } = form;
  const level = LEVELS.find((each) => each === values.level) ?? "person";
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ target, rank }) => {
      const whom = level === "person" ? target.trim().toLowerCase() : target.trim(); // as the site writes it
      const look = grantTo(kind, level, whom);
      const before = await look();
      const left = await putGrant(kind, level, whom, JSON.stringify({ policy: name, rank: rank === "" ? null : Number(rank) }));
      undo = await takingBack(look, async () => {
        await putGrant(kind, level, whom, before.state);
        await again();
      }, left);
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
  };
  return (
    <Form text={t("grant")} state={form} onSubmit={() => void submit()} command={command(["policy", "grant", kind, name], { ...optionsOf(level, values.target || "WHOM"), rank: values.rank })}>
      <ChoiceEntry of={form} name="level" label={t("grantedTo")} options={LEVELS.map((each) => [each, named("levelChoice", each)])} />
      {level !== "tenant" && <TextEntry of={form} name="target" label={t("whomExactly")} required />}
      {level === "group" && <TextEntry of={form} name="rank" label={t("rank")} hint={t("priorityHint")} type="number" />}
    </Form>
  );
}
