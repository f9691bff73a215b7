import { Checkbox, makeStyles, Text } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { changing, type Subject } from "../parts/changing";
import { Confirm } from "../parts/Confirm";
import { command, count } from "../parts/format";
import { Form, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Command, Loading, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { part, takingBack, type Undo } from "../parts/undo";
import { useMay } from "../session";

type Role = components["schemas"]["Role"];
type Holder = components["schemas"]["Holder"];

/** tenant: whose it is; null for that of whoever asks. The site compares the role of the tenant that stands in the address. */
const roleAt = (role: string, tenant: string | null) => ({ params: { path: { role }, query: { tenant } } });

/** What a role says; who holds it is for the site, which deletes none that somebody holds. */
const saidOf = ({ permissions, description }: Pick<Role, "permissions" | "description">) => ({ permissions, description });
const theRole = (role: string, tenant: string | null): Subject<Role> => ({ look: () => api.GET("/v1/roles/{role}", roleAt(role, tenant)), about: saidOf });

const putRole = (role: string, tenant: string | null, said: Parameters<typeof saidOf>[0]) => (headers: Record<string, string>) =>
  api.PUT("/v1/roles/{role}", { ...roleAt(role, tenant), headers, body: { ...saidOf(said), tenant } });

const deleteRole = (role: string, tenant: string | null) => (headers: Record<string, string>) => api.DELETE("/v1/roles/{role}", { ...roleAt(role, tenant), headers });

/** Who holds a role, as far as `whose` goes. */
const holder = (role: string, tenant: string | null, whose: (holder: Holder) => boolean) => async () =>
  part(await api.GET("/v1/roles/{role}", roleAt(role, tenant)), ({ holders }) => holders.find(whose));

function usePermissions() {
  return useQuery({
    queryKey: ["permissions"],
    staleTime: Infinity,
    queryFn: async () => told(await api.GET("/v1/access/permissions")),
  });
}

const useStyles = makeStyles({
  permissions: { display: "grid", gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 20rem), 1fr))", border: "none", margin: 0, padding: 0 },
});

/** A new custom role, or one that is changed: what is ticked may be done. */
function RoleForm({ role }: { role?: Role }) {
  const styles = useStyles();
  const tell = useDone();
  const go = useGo();
  const queries = useQueryClient();
  const texts = usePermissions();
  const form = useForm({ name: role?.name ?? "", description: role?.description ?? "", permissions: role?.permissions.join(" ") ?? "" });
  const { values, set } = form;
  const ticked = new Set(values.permissions.split(" ").filter((each) => each !== ""));
  const permissions = [...ticked].sort();
  const submit = async () => {
    const name = values.name.trim();
    const again = async () => {
      await queries.invalidateQueries({ queryKey: ["roles"] });
      await queries.invalidateQueries({ queryKey: ["role", name] });
    };
    let undo: Undo | undefined;
    const done = await form.submit(async ({ description }) => {
      const tenant = role?.tenant ?? null;
      undo = await changing(theRole(name, tenant), role, putRole(name, tenant, { permissions, description }), async (headers) => {
        if (role === undefined) {
          told(await deleteRole(name, tenant)(headers));
          go({ to: "/roles", from: { to: "/roles/$name", params: { name } } });
        } else told(await putRole(name, tenant, role)(headers));
        await again();
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
    if (role === undefined) go({ to: "/roles/$name", params: { name } });
  };
  return (
    <Form
      text={role === undefined ? t("createRole") : t("saveRole")}
      state={form}
      onSubmit={() => void submit()}
      command={command(["role", "create", values.name || "NAME"], { description: values.description, permission: permissions })}
    >
      {role === undefined && <TextEntry of={form} name="name" label={t("roleName")} required />}
      <TextEntry words of={form} name="description" label={t("description")} />
      <fieldset className={styles.permissions}>
        <legend>{t("permissions")}</legend>
        {texts.data?.map(({ name, description }) => (
          <Checkbox
            key={name}
            label={name}
            title={description}
            checked={ticked.has(name)}
            onChange={(_, { checked }) => {
              set("permissions", (checked === true ? [...ticked, name] : permissions.filter((each) => each !== name)).join(" "));
            }}
          />
        ))}
      </fieldset>
    </Form>
  );
}

export function RolesPage() {
  const may = useMay();
  const roles = useQuery({
    queryKey: ["roles"],
    queryFn: async () => told(await api.GET("/v1/roles")),
  });
  return (
    <Page title={t("roles")}>
      <Loading of={[roles]} />
      <ShortTable
        label={t("roles")}
        none={t("none")}
        rows={roles.data}
        keyOf={({ name, tenant }) => `${name} ${tenant ?? ""}`}
        columns={[
          { id: "name", title: t("person.name"), show: ({ name, tenant }) => <Go to="/roles/$name" params={{ name }} search={{ tenant: tenant ?? undefined }}>{name}</Go> },
          { id: "what", title: t("description"), show: ({ description }) => description },
          { id: "kind", title: t("kind"), show: ({ built_in: builtIn, tenant }) => (builtIn ? t("builtIn") : t("customOf", { tenant: tenant ?? "" })) },
          { id: "many", title: t("permissions"), show: ({ permissions }) => count(permissions.length) },
        ]}
      />
      <Command text="isthmus role list" />
      {may("role.write") && <Section title={t("newRole")}><RoleForm /></Section>}
    </Page>
  );
}

const reach = (limits: (string[] | null)[]) => limits.map((each) => each?.join(", ")).filter((each) => each !== undefined).join("; ") || t("everything");

export function RolePage() {
  const { name = "" }: { name?: string } = useParams({ strict: false });
  const { tenant = null }: { tenant?: string | null } = useSearch({ strict: false });
  const may = useMay();
  const queries = useQueryClient();
  const role = useQuery({
    queryKey: ["role", name, tenant],
    queryFn: async () => told(await api.GET("/v1/roles/{role}", roleAt(name, tenant))),
  });
  const texts = usePermissions();
  const go = useGo();
  const again = () => queries.invalidateQueries({ queryKey: ["role", name] });
  const held = new Set(role.data?.permissions);
  return (
    <Page title={name} above={[{ to: "/roles", title: t("roles") }]}>
      <Loading of={[role, texts]} />
      {role.data && (
        <>
          <Text>{role.data.description}</Text>
          <Section title={t("holders")}>
            <ShortTable
              label={t("holders")}
              none={t("nobody")}
              rows={role.data.holders}
              keyOf={({ id }) => id}
              columns={[
                { id: "account", title: t("account"), show: ({ account }) => account },
                { id: "reach", title: t("limitedTo"), show: ({ tenants, sites, groups }) => reach([tenants, sites, groups]) },
                {
                  id: "do",
                  title: t("actions"),
                  show: ({ id, account, tenants, sites, groups }) =>
                    may("role.grant") && (
                      <Confirm
                        text={t("takeBack")}
                        title={t("takeRoleAsk", { role: name, account })}
                        consequences={t("takeRoleWhy")}
                        command={command(["role", "revoke", name, account], { id })}
                        done={t("saved")}
                        onConfirm={async () => {
                          told(await api.DELETE("/v1/accounts/{name}/roles/{grant}", { params: { path: { name: account, grant: id } } }));
                          const scope = { tenants, sites, groups };
                          const same = (each: Holder) => each.account === account && reach([each.tenants, each.sites, each.groups]) === reach([tenants, sites, groups]);
                          const undo = await takingBack(holder(name, tenant, same), async () => {
                            told(await api.POST("/v1/accounts/{name}/roles", { params: { path: { name: account } }, body: { role: name, ...scope } }));
                            await again();
                          });
                          await again();
                          return undo;
                        }}
                      />
                    ),
                },
              ]}
            />
            {may("role.grant") && <GrantRole role={name} tenant={tenant} again={again} />}
          </Section>
          <Section title={t("permissions")}>
            <ShortTable
              label={t("permissions")}
              none={t("none")}
              rows={texts.data?.filter((each) => held.has(each.name))}
              keyOf={(each) => each.name}
              columns={[
                { id: "name", title: t("person.name"), show: (each) => each.name },
                { id: "what", title: t("description"), show: ({ description }) => description },
                { id: "factor", title: t("factorAgain"), show: ({ second_factor: again_ }) => (again_ ? t("yes") : t("no")) },
              ]}
            />
          </Section>
          {!role.data.built_in && may("role.write") && (
            <Section
              title={t("change")}
              actions={
                <Confirm
                  text={t("delete")}
                  title={t("deleteRole", { name })}
                  consequences={t("deleteRoleWhy")}
                  command={command(["role", "delete", name])}
                  done={t("saved")}
                  onConfirm={async () => {
                    const { data: before } = role;
                    const listAgain = () => queries.invalidateQueries({ queryKey: ["roles"] });
                    const undo = await changing(theRole(name, before.tenant), before, deleteRole(name, before.tenant), async (headers) => {
                      told(await putRole(name, before.tenant, before)(headers));
                      await listAgain();
                    });
                    await listAgain();
                    go({ to: "/roles" });
                    return undo;
                  }}
                />
              }
            >
              <RoleForm key={JSON.stringify(saidOf(role.data))} role={role.data} />
            </Section>
          )}
          <Command text={command(["role", "show", name])} />
        </>
      )}
    </Page>
  );
}

function GrantRole({ role, tenant, again }: { role: string; tenant: string | null; again: () => Promise<void> }) {
  const tell = useDone();
  const form = useForm({ account: "", sites: "", groups: "" });
  const { values } = form;
  const some = (text: string) => {
    const listed = text.split(",").map((each) => each.trim()).filter((each) => each !== "");
    return listed.length === 0 ? null : listed;
  };
  const submit = async () => {
    let undo: Undo | undefined;
    const done = await form.submit(async ({ account, sites, groups }) => {
      const name = account.trim();
      const before = told(await api.GET("/v1/roles/{role}", roleAt(role, tenant))).holders.map(({ id }) => id);
      const { id } = told(await api.POST("/v1/accounts/{name}/roles", { params: { path: { name } }, body: { role, tenants: null, sites: some(sites), groups: some(groups) } }));
      if (before.includes(id)) return; // it was held already
      undo = await takingBack(holder(role, tenant, (each) => each.id === id), async () => {
        told(await api.DELETE("/v1/accounts/{name}/roles/{grant}", { params: { path: { name, grant: id } } }));
        await again();
      });
    });
    if (!done) return;
    tell(t("saved"), undo);
    await again();
  };
  return (
    <Form text={t("grant")} state={form} onSubmit={() => void submit()} command={command(["role", "grant", role, values.account || "NAME"], { "site-scope": some(values.sites) ?? [], "group-scope": some(values.groups) ?? [] })}>
      <TextEntry of={form} name="account" label={t("account")} hint={t("accountHint")} required />
      <TextEntry of={form} name="sites" label={t("onlySites")} hint={t("onlyHint")} />
      <TextEntry words of={form} name="groups" label={t("onlyGroups")} hint={t("onlyHint")} />
    </Form>
  );
}
