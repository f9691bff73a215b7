import { MessageBar, MessageBarBody } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { changing, type Subject } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { command } from "../parts/format";
import { Form, SwitchEntry, TextEntry, useForm, type FormState } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import { useMay } from "../session";
import { differences, ELEMENTS, NOTHING_TYPED, only, saidBefore, saidOf, typedOf, type Place, type Said, type Typed } from "./places";

type Found = components["schemas"]["FoundLocation"];

type Network = components["schemas"]["NetworkElement"];

const placeAt = (place: string) => ({ params: { path: { place } } });
const thePlace = (place: string): Subject<Place> => ({ look: () => api.GET("/v1/locations/places/{place}", placeAt(place)), about: saidBefore });

/** Where who calls the emergency services is, and what leads to it. */
export function LocationsPage() {
  const may = useMay();
  const places = useQuery({
    queryKey: ["places"],
    queryFn: async () => told(await api.GET("/v1/locations/places")),
  });
  const networks = useQuery({
    queryKey: ["networks"],
    queryFn: async () => told(await api.GET("/v1/locations/networks")),
  });
  return (
    <Page title={t("locations")}>
      <Section title={t("places")}>
        <Loading of={[places]} />
        <ShortTable
          label={t("places")}
          none={t("noPlaces")}
          rows={places.data}
          keyOf={({ name }) => name}
          columns={[
            { id: "name", title: t("person.name"), show: ({ name }) => <Go to="/locations/$place" params={{ place: name }}>{name}</Go> },
            { id: "words", title: t("address"), show: ({ words }) => words },
            { id: "elins", title: t("elins"), show: ({ elins }) => elins.join(", ") },
            { id: "default", title: t("default"), show: (place) => (place.default ? t("yes") : "") },
            { id: "do", title: t("actions"), show: (place) => may("location.write") && <RemovePlace place={place} /> },
          ]}
        />
        <Command text="isthmus location place list" />
        {may("location.write") && <NewPlace />}
      </Section>
      <Section title={t("networks")}>
        <Loading of={[networks]} />
        <Networks of={networks.data} />
        <Command text="isthmus location network list" />
      </Section>
      <Find />
    </Page>
  );
}

function Networks({ of }: { of: Network[] | undefined }) {
  return (
    <ShortTable
      label={t("networks")}
      none={t("noNetworks")}
      rows={of}
      keyOf={({ kind, id, port }) => `${kind} ${id} ${port ?? ""}`}
      columns={[
        { id: "kind", title: t("kind"), show: ({ kind }) => kind },
        { id: "id", title: t("person.name"), show: ({ id, port }) => [id, port].filter((each) => each).join(" ") },
        { id: "place", title: t("place"), show: ({ place }) => place },
      ]}
    />
  );
}

const useAgain = () => {
  const queries = useQueryClient();
  return async () => {
    void queries.invalidateQueries({ queryKey: ["place"] });
    await queries.invalidateQueries({ queryKey: ["places"] });
  };
};

/** Which place stands for the whole site beside this one: it does no more, once this one does. */
async function otherDefault(name: string): Promise<string | undefined> {
  return told(await api.GET("/v1/locations/places")).find((each) => each.default && each.name !== name)?.name;
}

async function putDefault(name: string | undefined) {
  if (name !== undefined) told(await api.PATCH("/v1/locations/places/{place}", { ...placeAt(name), body: { default: true } }));
}

function RemovePlace({ place, gone }: { place: Place; gone?: () => void }) {
  const again = useAgain();
  const { name } = place;
  return (
    <Confirm
      text={t("delete")}
      title={t("deletePlace", { name })}
      consequences={t("deletePlaceWhy")}
      command={command(["location", "place", "remove", name])}
      done={t("saved")}
      onConfirm={async () => {
        const remove = (headers: Record<string, string>) => api.DELETE("/v1/locations/places/{place}", { ...placeAt(name), headers });
        const undo = await changing(thePlace(name), place, remove, async (headers) => {
          // Another one that stands for the whole site by now would do no more.
          if (place.default && (await otherDefault(name)) !== undefined) throw new Error(t("undoChanged"));
          told(await api.POST("/v1/locations/places", { headers, body: { name, ...saidBefore(place) } }));
          await again();
        });
        gone?.();
        await again();
        return undo;
      }}
    />
  );
}

export function LocationPage() {
  const { place: name = "" }: { place?: string } = useParams({ strict: false });
  const may = useMay();
  const go = useGo();
  const found = useQuery({
    queryKey: ["place", name],
    queryFn: async () => told(await api.GET("/v1/locations/places/{place}", placeAt(name))),
  });
  const networks = useQuery({
    queryKey: ["networks", name],
    queryFn: async () => told(await api.GET("/v1/locations/networks", { params: { query: { place: name } } })),
  });
  const place = found.data;
  return (
    <Page
      title={name}
      above={[{ to: "/locations", title: t("locations") }]}
      actions={place && may("location.write") && <RemovePlace place={place} gone={() => { go({ to: "/locations" }); }} />}
    >
      <Loading of={[found]} />
      {place && (
        <>
          <Facts
            of={[
              [t("address"), place.words],
              [t("point"), place.point && `${String(place.point.latitude)}, ${String(place.point.longitude)}`],
              [t("elins"), place.elins.join(", ")],
              [t("placePolicy"), place.policy],
              [t("default"), place.default ? t("yes") : ""],
            ]}
          />
          <Section title={t("networks")}>
            <Loading of={[networks]} />
            <Networks of={networks.data} />
          </Section>
          {may("location.write") && <EditPlace key={JSON.stringify(place)} place={place} />}
          <Command text={command(["location", "place", "show", name])} />
        </>
      )}
    </Page>
  );
}

const elementsOf = ({ address }: Said) => Object.entries(address.elements).map(([name, text]) => `${name}=${text}`);

/** What can be said of a place, but for its name. */
function AboutPlace<Values extends Typed>({ of }: { of: FormState<Values> }) {
  return (
    <>
      <TextEntry of={of} name="country" label={t("countryCode")} hint={t("countryCodeHint")} required />
      {ELEMENTS.map((each) => <TextEntry words key={each} of={of} name={each} label={t(`civic.${each}`)} />)}
      <TextEntry words of={of} name="further" label={t("furtherElements")} hint={t("furtherElementsHint")} lines={2} />
      <TextEntry of={of} name="point" label={t("point")} hint={t("pointHint")} />
      <TextEntry of={of} name="elins" label={t("elins")} hint={t("elinsHint")} />
      <TextEntry of={of} name="policy" label={t("placePolicy")} hint={t("placePolicyHint")} />
      <SwitchEntry of={of} name="default" label={t("placeDefault")} />
    </>
  );
}

function NewPlace() {
  const tell = useDone();
  const again = useAgain();
  const form = useForm({ name: "", ...NOTHING_TYPED });
  const { values, set } = form;
  const said = saidOf(values);
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async () => {
      const name = values.name.trim();
      const before = said.default ? await otherDefault(name) : undefined;
      const add = (headers: Record<string, string>) => api.POST("/v1/locations/places", { headers, body: { name, ...said } });
      undo = await changing(thePlace(name), undefined, add, async (headers) => {
        told(await api.DELETE("/v1/locations/places/{place}", { ...placeAt(name), headers }));
        await putDefault(before);
        await again();
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    set("name", "");
    await again();
  };
  return (
    <Section title={t("newPlace")}>
      <Form
        text={t("addPlace")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["location", "place", "add", values.name || "PLACE"], {
          country: said.address.country,
          set: elementsOf(said),
          point: values.point,
          elin: said.elins,
          policy: said.policy,
          default: said.default,
        })}
      >
        <TextEntry words of={form} name="name" label={t("placeName")} hint={t("placeNameHint")} required />
        <AboutPlace of={form} />
      </Form>
    </Section>
  );
}

function EditPlace({ place }: { place: Place }) {
  const tell = useDone();
  const again = useAgain();
  const form = useForm<Typed>(typedOf(place));
  const { name } = place;
  const changes = differences(saidBefore(place), saidOf(form.values));
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async () => {
      const before = changes.default === true ? await otherDefault(name) : undefined;
      const save = (headers: Record<string, string>) => api.PATCH("/v1/locations/places/{place}", { ...placeAt(name), headers, body: changes });
      const were = only(saidBefore(place), changes);
      undo = await changing(thePlace(name), place, save, async (headers) => {
        told(await api.PATCH("/v1/locations/places/{place}", { ...placeAt(name), headers, body: were }));
        await putDefault(before);
        await again();
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
  };
  const { address, point, elins, policy } = changes;
  return (
    <Section title={t("change")}>
      <Form
        text={t("save")}
        state={{ faults: form.faults, busy: form.busy || Object.keys(changes).length === 0 }}
        onSubmit={() => void submit()}
        command={command(["location", "place", "set", name], {
          country: address?.country,
          set: address && elementsOf(saidOf(form.values)),
          point: point === null ? "none" : point && form.values.point,
          elin: elins,
          "no-elins": elins?.length === 0,
          policy: policy === undefined ? undefined : [policy],
          default: changes.default === true,
          "no-default": changes.default === false,
        })}
      >
        <AboutPlace of={form} />
      </Form>
    </Section>
  );
}

function Find() {
  const form = useForm({ address: "", aor: "" });
  const [found, setFound] = useState<Found>();
  const { values } = form;
  const submit = () =>
    form.submit(async ({ address, aor }) => {
      setFound(told(await api.GET("/v1/locations/find", { params: { query: { address: address || null, aor: aor || null } as never } })));
    });
  return (
    <Section title={t("findLocation")}>
      <Form text={t("test")} state={form} onSubmit={() => void submit()} command={command(["location", "find"], { address: values.address, person: values.aor })}>
        <TextEntry of={form} name="address" label={t("phoneAddress")} hint={t("findAddressHint")} />
        <TextEntry of={form} name="aor" label={t("person.aor")} hint={t("person.aorHint2")} />
      </Form>
      {found && (
        <>
          <MessageBar intent={found.words === null ? "warning" : "success"} role="status" layout="multiline">
            <MessageBarBody>{found.words ?? t("placeUnknown")}</MessageBarBody>
          </MessageBar>
          <Facts
            of={[
              [t("place"), found.place],
              [t("source"), found.source],
              [t("because"), found.why.join("; ")],
              [t("sent"), found.send],
              [t("desk"), found.desk],
              [t("testNumber"), found.test_number],
            ]}
          />
        </>
      )}
    </Section>
  );
}
