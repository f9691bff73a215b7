import { MessageBar, MessageBarBody, MessageBarTitle, Text } from "@fluentui/react-components";
import { DeleteRegular } from "@fluentui/react-icons/svg/delete";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, moment } from "../parts/format";
import { Form, TextEntry, useForm } from "../parts/form";
import { Facts, Fault, Loading, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useMay } from "../session";

interface Made {
  name: string;
  secret: string | null;
}

export function PersonDevices({ aor }: { aor: string }) {
  const may = useMay();
  const queries = useQueryClient();
  const devices = useQuery({
    queryKey: ["devices", aor],
    queryFn: async () => told(await api.GET("/v1/devices", { params: { query: { aor, limit: 200 } } })),
  });
  const phones = useQuery({
    queryKey: ["registrations", aor],
    refetchInterval: 5_000,
    retry: false,
    queryFn: async () => told(await api.GET("/v1/registrations", { params: { query: { aor } } })),
  });
  const again = () => queries.invalidateQueries({ queryKey: ["devices", aor] });
  return (
    <>
      <Section title={t("registered")}>
        <Fault error={phones.error} />
        <ShortTable
          label={t("registered")}
          none={t("noPhone")}
          rows={phones.data?.flatMap(({ bindings }) => bindings)}
          keyOf={({ contact, call_id }) => `${contact} ${call_id}`}
          columns={[
            { id: "agent", title: t("phone"), show: ({ user_agent }) => user_agent },
            { id: "device", title: t("device"), show: ({ device }) => device ?? t("ownPassword") },
            { id: "edge", title: t("connectedTo"), show: ({ edge }) => edge },
            { id: "contact", title: t("contact"), show: ({ contact }) => contact },
          ]}
        />
      </Section>
      <Section title={t("devices")}>
        <Loading of={[devices]} />
        <ShortTable
          label={t("devices")}
          none={t("noDevice")}
          rows={devices.data}
          keyOf={({ name }) => name}
          columns={[
            { id: "label", title: t("label"), show: ({ label }) => label },
            { id: "name", title: t("device"), show: ({ name }) => name },
            {
              id: "use",
              title: t("lastUse"),
              show: ({ last_use: use }) => (use ? t("usedAt", { moment: moment(use.at), site: use.site, address: use.address }) : t("never")),
            },
            {
              id: "revoke",
              title: t("actions"),
              show: ({ name, label }) =>
                may("device.revoke") && (
                  <Confirm
                    text={t("revoke")}
                    icon={<DeleteRegular />}
                    title={t("revokeDevice", { label })}
                    consequences={t("revokeConsequences")}
                    command={command(["device", "revoke", name], { yes: true })}
                    done={t("revoked", { label })}
                    onConfirm={async () => {
                      told(await api.DELETE("/v1/devices/{device}", { params: { path: { device: name } } }));
                      await again();
                    }}
                  />
                ),
            },
          ]}
        />
        {may("device.write") && <NewDevice aor={aor} onMade={() => void again()} />}
      </Section>
    </>
  );
}

function NewDevice({ aor, onMade }: { aor: string; onMade: () => void }) {
  const [made, setMade] = useState<Made>();
  const form = useForm({ label: "" });
  const submit = async () => {
    const done = await form.submit(async ({ label }) => {
      setMade(told(await api.POST("/v1/devices", { body: { aor, label } })) as unknown as Made);
    });
    if (!done) return;
    form.set("label", "");
    onMade();
  };
  return (
    <Section title={t("newDevice")}>
      <Form text={t("create")} state={form} onSubmit={() => void submit()} command={command(["device", "add", aor], { label: form.values.label || "LABEL" })}>
        <TextEntry words of={form} name="label" label={t("label")} hint={t("labelHint")} required />
      </Form>
      {made && (
        <MessageBar intent="warning" layout="multiline" role="status">
          <MessageBarBody>
            <MessageBarTitle>{t("shownOnce")}</MessageBarTitle>
            <Facts
              of={[
                [t("userName"), made.name],
                [t("devicePassword"), <Text key="password" font="monospace">{made.secret ?? ""}</Text>],
              ]}
            />
          </MessageBarBody>
        </MessageBar>
      )}
    </Section>
  );
}
