import { MessageBar, MessageBarBody } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command } from "../parts/format";
import { Form, SwitchEntry, TextEntry, useForm } from "../parts/form";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { takingBack, whole, type Undo } from "../parts/undo";
import { useMay } from "../session";

type Found = components["schemas"]["FoundLocation"];

const placeAt = (place: string) => ({ params: { path: { place } } });
const lookAt = (place: string) => async () => whole(await api.GET("/v1/locations/places/{place}", placeAt(place)));

/** Where who calls the emergency services is, and what leads to it. */
export function LocationsPage() {
  const may = useMay();
  const queries = useQueryClient();
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
            { id: "name", title: t("person.name"), show: ({ name }) => name },
            { id: "words", title: t("address"), show: ({ words }) => words },
            { id: "elins", title: t("elins"), show: ({ elins }) => elins.join(", ") },
            { id: "default", title: t("default"), show: (place) => (place.default ? t("yes") : "") },
            {
              id: "do",
              title: t("actions"),
              show: ({ name, address, point, elins, policy, default: whole_ }) =>
                may("location.write") && (
                  <Confirm
                    text={t("delete")}
                    title={t("deletePlace", { name })}
                    consequences={t("deletePlaceWhy")}
                    command={command(["location", "place", "remove", name])}
                    done={t("saved")}
                    onConfirm={async () => {
                      told(await api.DELETE("/v1/locations/places/{place}", placeAt(name)));
                      const undo = await takingBack(lookAt(name), async (headers) => {
                        const body = { name, address, point, elins, policy: policy ?? "", default: whole_ };
                        told(await api.POST("/v1/locations/places", { headers, body }));
                        await queries.invalidateQueries({ queryKey: ["places"] });
                      });
                      await queries.invalidateQueries({ queryKey: ["places"] });
                      return undo;
                    }}
                  />
                ),
            },
          ]}
        />
        <Command text="isthmus location place list" />
        {may("location.write") && <NewPlace />}
      </Section>
      <Section title={t("networks")}>
        <Loading of={[networks]} />
        <ShortTable
          label={t("networks")}
          none={t("noNetworks")}
          rows={networks.data}
          keyOf={({ kind, id, port }) => `${kind} ${id} ${port ?? ""}`}
          columns={[
            { id: "kind", title: t("kind"), show: ({ kind }) => kind },
            { id: "id", title: t("person.name"), show: ({ id, port }) => [id, port].filter((each) => each).join(" ") },
            { id: "place", title: t("place"), show: ({ place }) => place },
          ]}
        />
        <Command text="isthmus location network list" />
      </Section>
      <Find />
    </Page>
  );
}

/** Parts of a civic address (RFC 5139) that most addresses have, in the order in which they are written. */
const ELEMENTS = ["RD", "HNO", "PC", "A3", "A1", "FLR", "ROOM"] as const;

function NewPlace() {
  const tell = useDone();
  const queries = useQueryClient();
  const form = useForm({ name: "", country: "", RD: "", HNO: "", PC: "", A3: "", A1: "", FLR: "", ROOM: "", elins: "", default: "" });
  const { values, set } = form;
  const elements = Object.fromEntries(ELEMENTS.map((each) => [each, values[each].trim()]).filter(([, text]) => text !== "")) as Record<string, string>;
  const elins = values.elins.split(",").map((each) => each.trim()).filter((each) => each !== "");
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ country }) => {
      const name = values.name.trim();
      const address = { country: country.trim().toUpperCase(), elements };
      told(await api.POST("/v1/locations/places", { body: { name, address, elins, policy: "", default: values.default === "yes" } }));
      undo = await takingBack(lookAt(name), async (headers) => {
        told(await api.DELETE("/v1/locations/places/{place}", { ...placeAt(name), headers }));
        await queries.invalidateQueries({ queryKey: ["places"] });
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    set("name", "");
    await queries.invalidateQueries({ queryKey: ["places"] });
  };
  return (
    <Section title={t("newPlace")}>
      <Form
        text={t("addPlace")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["location", "place", "add", values.name || "PLACE"], {
          country: values.country.toUpperCase(),
          set: Object.entries(elements).map(([name, text]) => `${name}=${text}`),
          elin: elins,
          default: values.default === "yes",
        })}
      >
        <TextEntry words of={form} name="name" label={t("placeName")} hint={t("placeNameHint")} required />
        <TextEntry of={form} name="country" label={t("countryCode")} hint={t("countryCodeHint")} required />
        {ELEMENTS.map((each) => <TextEntry words key={each} of={form} name={each} label={t(`civic.${each}`)} />)}
        <TextEntry of={form} name="elins" label={t("elins")} hint={t("elinsHint")} />
        <SwitchEntry of={form} name="default" label={t("placeDefault")} />
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
