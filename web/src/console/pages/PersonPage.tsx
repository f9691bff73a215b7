import { makeStyles, Tab, TabList, tokens, Button } from "@fluentui/react-components";
import { ArrowMoveRegular } from "@fluentui/react-icons/svg/arrow-move";
import { DeleteRegular } from "@fluentui/react-icons/svg/delete";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { keepChosen } from "../chosen";
import { command } from "../parts/format";
import { asShown, changing, type Subject } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { Form, SwitchEntry, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Facts, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { useDone } from "../parts/toast";
import type { Undo } from "../parts/undo";
import type { Person } from "../queries";
import { useMay } from "../session";
import { AuditOf } from "./AuditPage";
import { RecordsOf } from "./RecordsOf";
import { PersonDevices } from "./PersonDevices";
import { PersonPlan } from "./PersonPlan";
import { PersonPolicies } from "./PersonPolicies";
import { PersonSignIns } from "./PersonSignIns";

const useStyles = makeStyles({
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  tabs: { flexWrap: "wrap" },
});

const TABS = ["about", "devices", "policies", "plan", "calls", "signins", "audit"] as const;
type PersonTab = (typeof TABS)[number];
const NEEDS: Record<PersonTab, string> = {
  about: "person.read",
  devices: "device.read",
  policies: "policy.read",
  plan: "plan.read",
  calls: "call.read",
  signins: "account.read",
  audit: "audit.read",
};

export function PersonPage() {
  const { aor = "" }: { aor?: string } = useParams({ strict: false });
  const search: { tab?: string } = useSearch({ strict: false });
  const styles = useStyles();
  const go = useGo();
  const may = useMay();
  const queries = useQueryClient();
  const person = useQuery({
    queryKey: ["person", aor],
    queryFn: async () => told(await api.GET("/v1/people/{aor}", { params: { path: { aor } } })),
  });
  const tab: PersonTab = TABS.find((each) => each === search.tab) ?? "about";
  const found = person.data;
  return (
    <Page
      title={found?.display_name || aor}
      above={[{ to: "/people", title: t("people") }]}
      actions={
        found && (
          <div className={styles.actions}>
            {may("person.move") && (
              <Button
                icon={<ArrowMoveRegular />}
                onClick={() => {
                  keepChosen([aor]);
                  go({ to: "/moves/new" });
                }}
              >
                {t("move")}
              </Button>
            )}
            {may("person.delete") && (
              <Confirm
                text={t("delete")}
                icon={<DeleteRegular />}
                title={t("deletePerson", { name: aor })}
                consequences={t("deletePersonConsequences")}
                command={command(["user", "delete", aor], { yes: true })}
                done={t("deletedPerson", { name: aor })}
                onConfirm={async () => {
                  await asShown(thePerson(aor), found, (headers) => api.DELETE("/v1/people/{aor}", { ...personAt(aor), headers }));
                  void queries.invalidateQueries({ queryKey: ["people"] });
                  go({ to: "/people" });
                }}
              />
            )}
          </div>
        )
      }
    >
      <Loading of={[person]} />
      {found && (
        <>
          <TabList
            className={styles.tabs}
            selectedValue={tab}
            onTabSelect={(_, { value }) => { go({ to: "/people/$aor", params: { aor }, search: { tab: String(value) }, replace: true }); }}
          >
            {TABS.filter((each) => may(NEEDS[each])).map((each) => (
              <Tab key={each} value={each} id={`tab-${each}`}>
                {t(`personTab.${each}`)}
              </Tab>
            ))}
          </TabList>
          <div role="tabpanel" aria-labelledby={`tab-${tab}`}>
            {tab === "about" && <About person={found} />}
            {tab === "devices" && <PersonDevices aor={aor} />}
            {tab === "policies" && <PersonPolicies aor={aor} />}
            {tab === "plan" && <PersonPlan aor={aor} />}
            {tab === "calls" && <RecordsOf who={aor} />}
            {tab === "signins" && <PersonSignIns aor={aor} />}
            {tab === "audit" && <AuditOf object={aor} />}
          </div>
        </>
      )}
    </Page>
  );
}

function About({ person }: { person: Person }) {
  const may = useMay();
  return (
    <Section title={t("personTab.about")}>
      <Facts
        of={[
          [t("person.aor"), person.aor],
          [t("person.number"), person.number && <Go to="/numbers/$number" params={{ number: person.number }}>{person.number}</Go>],
          [t("person.home"), t("homeSince", { home: person.home, epoch: String(person.home_epoch) })],
          [t("person.state"), <State key="state" of={person.enabled ? "enabled" : "disabled"} />],
          [t("person.groups"), person.groups.join(", ")],
          [t("person.tenant"), person.tenant],
          [t("person.barred"), person.barred.join(", ")],
          [t("reach"), <Go key="reach" to="/calls/reaching" search={{ to: person.aor }}>{t("reaching")}</Go>],
        ]}
      />
      {may("person.set") && <Edit key={JSON.stringify(person)} person={person} />}
    </Section>
  );
}

const listed = (text: string) => text.split(",").map((each) => each.trim()).filter((each) => each !== "");

const personAt = (aor: string) => ({ params: { path: { aor } } });

/** What of a person can be put back as it was. */
const saidOf = ({ display_name, number, groups, enabled }: Person) => ({ display_name, number, groups, enabled });
const thePerson = (aor: string): Subject<Person> => ({ look: () => api.GET("/v1/people/{aor}", personAt(aor)), about: saidOf });

function Edit({ person }: { person: Person }) {
  const queries = useQueryClient();
  const tell = useDone();
  const form = useForm({
    display_name: person.display_name,
    number: person.number ?? "",
    groups: person.groups.join(", "),
    password: "",
    enabled: person.enabled ? "yes" : "",
  });
  const { values } = form;
  const groups = listed(values.groups);
  const again = async () => {
    void queries.invalidateQueries({ queryKey: ["people"] });
    await queries.invalidateQueries({ queryKey: ["person", person.aor] });
  };
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async (typed) => {
      const body = {
        ...(typed.display_name === person.display_name ? {} : { display_name: typed.display_name }),
        ...(typed.number === (person.number ?? "") ? {} : { number: typed.number || null }),
        ...(groups.join() === person.groups.join() ? {} : { groups }),
        ...((typed.enabled === "yes") === person.enabled ? {} : { enabled: typed.enabled === "yes" }),
        ...(typed.password === "" ? {} : { password: typed.password }),
      };
      const before = Object.fromEntries(Object.entries(saidOf(person)).filter(([name]) => name in body));
      const save = (headers: Record<string, string>) => api.PATCH("/v1/people/{aor}", { ...personAt(person.aor), headers, body });
      const back = await changing(thePerson(person.aor), person, save, async (headers) => {
        told(await api.PATCH("/v1/people/{aor}", { ...personAt(person.aor), headers, body: before }));
        await again();
      });
      // Nobody knows the password that was there before.
      undo = typed.password === "" && Object.keys(before).length > 0 ? back : undefined;
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
        command={command(["user", "set", person.aor], {
          name: values.display_name === person.display_name ? "" : values.display_name,
          number: values.number === (person.number ?? "") ? "" : values.number,
          "no-number": values.number === "" && person.number !== null,
          "add-group": groups.filter((each) => !person.groups.includes(each)),
          "remove-group": person.groups.filter((each) => !groups.includes(each)),
          enable: values.enabled === "yes" && !person.enabled,
          disable: values.enabled !== "yes" && person.enabled,
          "password-stdin": values.password !== "",
        })}
      >
        <TextEntry words of={form} name="display_name" label={t("person.name")} />
        <TextEntry of={form} name="number" label={t("person.number")} hint={t("person.numberHint")} type="tel" />
        <TextEntry words of={form} name="groups" label={t("person.groups")} hint={t("person.groupsHint")} />
        <TextEntry of={form} name="password" label={t("person.newPassword")} hint={t("person.newPasswordHint")} type="password" />
        <SwitchEntry of={form} name="enabled" label={t("person.enabledWarning")} />
      </Form>
    </Section>
  );
}
