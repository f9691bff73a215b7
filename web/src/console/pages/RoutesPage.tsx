import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "@fluentui/react-components";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { changing, type Subject } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { command } from "../parts/format";
import { Form, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Command, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import { useMay } from "../session";

type Route = components["schemas"]["VoiceRoute"];

interface Dialled {
  dialled: string;
  kind: string | null;
  means: string | null;
  why: string | null;
}

const routeAt = (name: string) => ({ params: { path: { name } } });

/** What can be said of a route, but for its name. */
const settingsOf = ({ patterns, ways, usages, priority, cost, hours, zone, description }: Route) => ({
  patterns, ways, usages, priority, cost, hours, zone, description,
});

const theRoute = (name: string): Subject<Route> => ({ look: () => api.GET("/v1/routes/{name}", routeAt(name)), about: settingsOf });

function useAgain(name: string) {
  const queries = useQueryClient();
  return async () => {
    void queries.invalidateQueries({ queryKey: ["route", name] });
    await queries.invalidateQueries({ queryKey: ["routes"] });
  };
}

const listed = (text: string) => text.split(/[,\s]+/).filter((each) => each !== "");

/** By which trunks calls go to the telephone network, and what people mean by what they dial. */
export function RoutesPage() {
  const go = useGo();
  const may = useMay();
  const routes = useQuery({
    queryKey: ["routes"],
    queryFn: async () => told(await api.GET("/v1/routes")),
  });
  return (
    <Page title={t("routes")} actions={may("route.write") && <Button onClick={() => { go({ to: "/routes/new" }); }}>{t("newRoute")}</Button>}>
      <Loading of={[routes]} />
      <ShortTable
        label={t("routes")}
        none={t("noRoutes")}
        rows={routes.data}
        keyOf={({ name }) => name}
        columns={[
          { id: "name", title: t("person.name"), show: ({ name }) => <Go to="/routes/$name" params={{ name }}>{name}</Go> },
          { id: "patterns", title: t("patterns"), show: ({ patterns }) => patterns.join(", ") },
          { id: "ways", title: t("ways"), show: ({ ways }) => ways.join(", ") },
          { id: "usages", title: t("usages"), show: ({ usages }) => usages.join(", ") },
          { id: "priority", title: t("priority"), show: ({ priority }) => String(priority) },
          { id: "hours", title: t("hours"), show: ({ hours, zone }) => (hours === "" ? t("always") : `${hours} ${zone}`) },
        ]}
      />
      <Command text="isthmus route list" />
      {may("policy.read") && <DialPlan />}
    </Page>
  );
}

function DialPlan() {
  const form = useForm({ aor: "", digits: "" });
  const [meant, setMeant] = useState<Dialled[]>();
  const { aor, digits } = form.values;
  const submit = () =>
    form.submit(async (typed) => {
      const query = { aor: typed.aor.trim(), digits: listed(typed.digits) };
      setMeant(told(await api.GET("/v1/policies/dialled", { params: { query } })) as unknown as Dialled[]);
    });
  return (
    <Section title={t("dialPlan")}>
      <Form text={t("test")} state={form} onSubmit={() => void submit()} command={command(["dialplan", "test", aor || "AOR", ...(digits === "" ? ["DIGITS"] : listed(digits))])}>
        <TextEntry of={form} name="aor" label={t("whoDials")} hint={t("person.aorHint2")} required />
        <TextEntry of={form} name="digits" label={t("whatDialled")} hint={t("whatDialledHint")} required />
      </Form>
      <ShortTable
        label={t("dialPlan")}
        none=""
        rows={meant}
        keyOf={({ dialled }) => dialled}
        columns={[
          { id: "dialled", title: t("whatDialled"), show: ({ dialled }) => dialled },
          { id: "means", title: t("means"), show: ({ means, kind }) => (means === null ? t("meansNothing") : `${means} (${kind ?? ""})`) },
          { id: "why", title: t("because"), show: ({ why }) => why ?? "" },
          { id: "where", title: t("theWay"), show: ({ dialled }) => <Go to="/calls/explain" search={{ from: aor, to: dialled }}>{t("whereTo")}</Go> },
        ]}
      />
    </Section>
  );
}

export function RoutePage() {
  const { name = "" }: { name?: string } = useParams({ strict: false });
  const route = useQuery({
    queryKey: ["route", name],
    queryFn: async () => told(await api.GET("/v1/routes/{name}", { params: { path: { name } } })),
  });
  return (
    <Page title={name} above={[{ to: "/routes", title: t("routes") }]} actions={route.data && <DeleteRoute route={route.data} />}>
      <Loading of={[route]} />
      {route.data && <RouteForm key={JSON.stringify(settingsOf(route.data))} route={route.data} />}
    </Page>
  );
}

export function NewRoutePage() {
  return (
    <Page title={t("newRoute")} above={[{ to: "/routes", title: t("routes") }]}>
      <RouteForm />
    </Page>
  );
}

function DeleteRoute({ route }: { route: Route }) {
  const { name } = route;
  const may = useMay();
  const go = useGo();
  const again = useAgain(name);
  if (!may("route.write")) return null;
  return (
    <Confirm
      text={t("delete")}
      title={t("deleteRoute", { name })}
      consequences={t("deleteRouteWhy")}
      command={command(["route", "delete", name])}
      done={t("saved")}
      onConfirm={async () => {
        const remove = (headers: Record<string, string>) => api.DELETE("/v1/routes/{name}", { ...routeAt(name), headers });
        const undo = await changing(theRoute(name), route, remove, async (headers) => {
          told(await api.POST("/v1/routes", { headers, body: { name, ...settingsOf(route) } }));
          await again();
        });
        await again();
        go({ to: "/routes" });
        return undo;
      }}
    />
  );
}

function RouteForm({ route }: { route?: Route }) {
  const go = useGo();
  const tell = useDone();
  const form = useForm({
    name: route?.name ?? "",
    patterns: route?.patterns.join(", ") ?? "",
    ways: route?.ways.join(", ") ?? "",
    usages: route?.usages.join(", ") ?? "default",
    priority: String(route?.priority ?? 100),
    cost: route?.cost ?? "0",
    hours: route?.hours ?? "",
    zone: route?.zone ?? "UTC",
    description: route?.description ?? "",
  });
  const { values } = form;
  const again = useAgain(values.name);
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ name, patterns, ways, usages, priority, ...rest }) => {
      const body = { ...rest, patterns: listed(patterns), ways: listed(ways), usages: listed(usages), priority: Number(priority) };
      const save = (headers: Record<string, string>) =>
        route === undefined ? api.POST("/v1/routes", { headers, body: { name, ...body } }) : api.PATCH("/v1/routes/{name}", { ...routeAt(name), headers, body });
      undo = await changing(theRoute(name), route, save, async (headers) => {
        const path = { ...routeAt(name), headers };
        told(route === undefined ? await api.DELETE("/v1/routes/{name}", path) : await api.PATCH("/v1/routes/{name}", { ...path, body: settingsOf(route) }));
        await again();
      });
    });
    if (!done) return;
    await again();
    tell(t("saved"), undo);
    go({ to: "/routes" });
  };
  return (
    <Form
      text={route === undefined ? t("create") : t("save")}
      state={form}
      onSubmit={() => void submit()}
      command={command(["route", route === undefined ? "add" : "set", values.name || "NAME"], {
        pattern: listed(values.patterns),
        by: listed(values.ways),
        usage: listed(values.usages),
        priority: values.priority,
        cost: values.cost,
        hours: values.hours,
        zone: values.zone,
        description: values.description,
      })}
    >
      {route === undefined && <TextEntry of={form} name="name" label={t("person.name")} required />}
      <TextEntry of={form} name="patterns" label={t("patterns")} hint={t("patternsHint")} required />
      <TextEntry of={form} name="ways" label={t("ways")} hint={t("waysHint")} required />
      <TextEntry of={form} name="usages" label={t("usages")} hint={t("usagesHint")} />
      <TextEntry of={form} name="priority" label={t("priority")} hint={t("priorityHint")} type="number" />
      <TextEntry of={form} name="cost" label={t("costMinute")} />
      <TextEntry of={form} name="hours" label={t("hours")} hint={t("hoursHint")} />
      <TextEntry of={form} name="zone" label={t("zone")} />
      <TextEntry words of={form} name="description" label={t("description")} />
    </Form>
  );
}
