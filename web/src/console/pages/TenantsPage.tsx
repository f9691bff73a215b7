import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count, moment } from "../parts/format";
import { Form, TextEntry, useForm } from "../parts/form";
import { Go, useGo } from "../parts/Go";
import { Command, Facts, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useDone } from "../parts/toast";
import { useMay } from "../session";

export function TenantsPage() {
  const may = useMay();
  const tenants = useQuery({
    queryKey: ["tenants"],
    queryFn: async () => told(await api.GET("/v1/tenants", { params: { query: { limit: 500 } } })),
  });
  return (
    <Page title={t("tenants")}>
      <Loading of={[tenants]} />
      <ShortTable
        label={t("tenants")}
        none={t("noTenants")}
        rows={tenants.data}
        keyOf={({ name }) => name}
        columns={[
          { id: "name", title: t("person.name"), show: ({ name }) => <Go to="/tenants/$name" params={{ name }}>{name}</Go> },
          { id: "title", title: t("titleOf"), show: ({ display_name: title }) => title },
          { id: "contact", title: t("contact"), show: ({ contact }) => contact },
          { id: "state", title: t("person.state"), show: ({ suspended }) => <State of={suspended ? "suspended" : "enabled"} /> },
        ]}
      />
      <Command text="isthmus tenant list" />
      {may("tenant.create") && <NewTenant />}
    </Page>
  );
}

function NewTenant() {
  const go = useGo();
  const tell = useDone();
  const form = useForm({ name: "", display_name: "", contact: "" });
  const { values } = form;
  const submit = async () => {
    const done = await form.submit(async ({ name, display_name, contact }) =>
      told(await api.POST("/v1/tenants", { body: { name, display_name, contact, limits: {} } as never })),
    );
    if (!done) return;
    tell(t("saved"));
    go({ to: "/tenants/$name", params: { name: values.name } });
  };
  return (
    <Section title={t("newTenant")}>
      <Form text={t("create")} state={form} onSubmit={() => void submit()} command={command(["tenant", "create", values.name || "NAME"], { name: values.display_name, contact: values.contact })}>
        <TextEntry of={form} name="name" label={t("person.name")} hint={t("tenantHint")} required />
        <TextEntry words of={form} name="display_name" label={t("titleOf")} />
        <TextEntry words of={form} name="contact" label={t("contact")} />
      </Form>
    </Section>
  );
}

const limit = (used: number, left: number | null) => (left === null ? count(used) : t("usedLeft", { used: count(used), left: count(left) }));

export function TenantPage() {
  const { name = "" }: { name?: string } = useParams({ strict: false });
  const may = useMay();
  const queries = useQueryClient();
  const found = useQuery({
    queryKey: ["tenant", name],
    queryFn: async () => told(await api.GET("/v1/tenants/{tenant}", { params: { path: { tenant: name } } })),
  });
  const domains = useQuery({
    queryKey: ["domains", name],
    enabled: may("domain.read"),
    queryFn: async () => told(await api.GET("/v1/domains", { params: { query: { tenant: name } } })),
  });
  const tenant = found.data;
  const suspend = async (suspended: boolean) => {
    told(await api.PATCH("/v1/tenants/{tenant}", { params: { path: { tenant: name } }, body: { suspended } as never }));
    await queries.invalidateQueries({ queryKey: ["tenant", name] });
    void queries.invalidateQueries({ queryKey: ["tenants"] });
  };
  return (
    <Page
      title={tenant?.display_name || name}
      above={[{ to: "/tenants", title: t("tenants") }]}
      actions={
        tenant &&
        may("tenant.set") && (
          <Confirm
            text={tenant.suspended ? t("letIn") : t("suspend")}
            title={tenant.suspended ? t("letInAsk", { name }) : t("suspendAsk", { name })}
            consequences={tenant.suspended ? t("letInWhy") : t("suspendWhy")}
            command={command(["tenant", "set", name, tenant.suspended ? "--no-suspend" : "--suspend"])}
            done={t("saved")}
            onConfirm={() => suspend(!tenant.suspended)}
          />
        )
      }
    >
      <Loading of={[found]} />
      {tenant && (
        <Facts
          of={[
            [t("person.name"), tenant.name],
            [t("contact"), tenant.contact],
            [t("person.state"), <State key="state" of={tenant.suspended ? "suspended" : "enabled"} />],
            [t("people"), limit(tenant.usage.people, tenant.usage.left.people)],
            [t("numbers"), limit(tenant.usage.numbers, tenant.usage.left.numbers)],
            [t("devices"), limit(tenant.usage.devices, tenant.usage.left.devices)],
            [t("accounts"), count(tenant.usage.accounts)],
          ]}
        />
      )}
      {may("domain.read") && (
        <Section title={t("domains")}>
          <Loading of={[domains]} />
          <ShortTable
            label={t("domains")}
            none={t("noDomains")}
            rows={domains.data}
            keyOf={(domain) => domain.name}
            columns={[
              { id: "name", title: t("person.name"), show: (domain) => domain.name },
              { id: "verified", title: t("verified"), show: ({ verified, verified_at: at }) => (verified ? `${t("yes")} ${moment(at)}` : t("no")) },
              { id: "record", title: t("dnsRecord"), show: ({ record }) => (record === null ? "" : `${record.name} ${record.type} ${record.value}`) },
              { id: "trouble", title: t("fault"), show: ({ trouble }) => trouble },
            ]}
          />
        </Section>
      )}
      <Command text={command(["tenant", "show", name])} />
    </Page>
  );
}
