import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { command } from "../parts/format";
import { ChoiceEntry, Form, SwitchEntry, TextEntry, useForm } from "../parts/form";
import { useGo } from "../parts/Go";
import { Page } from "../parts/Page";
import { useDone } from "../parts/toast";
import { useHomes } from "../queries";

const wordsOf = (text: string) => text.split(",").map((each) => each.trim()).filter((each) => each !== "");

export function NewPersonPage() {
  const go = useGo();
  const tell = useDone();
  const queries = useQueryClient();
  const homes = useHomes();
  const form = useForm({ aor: "", display_name: "", home: "", number: "", groups: "", password: "", enabled: "yes" });
  const { values, set } = form;
  const [firstHome] = homes;
  useEffect(() => {
    if (values.home === "" && firstHome !== undefined) set("home", firstHome);
  }, [values.home, firstHome, set]);
  const submit = async () => {
    const made = await form.submit(async ({ aor, display_name, home, number, groups, password, enabled }) =>
      told(
        await api.POST("/v1/people", {
          body: {
            aor: aor.trim(),
            display_name: display_name.trim(),
            home,
            number: number.trim() || null,
            groups: wordsOf(groups),
            password: password || null,
            enabled: enabled === "yes",
          },
        }),
      ),
    );
    if (!made) return;
    void queries.invalidateQueries({ queryKey: ["people"] });
    tell(t("personCreated", { name: values.aor }));
    go({ to: "/people/$aor", params: { aor: values.aor.trim().toLowerCase() } });
  };
  return (
    <Page title={t("newPerson")} above={[{ to: "/people", title: t("people") }]}>
      <Form
        text={t("create")}
        state={form}
        onSubmit={() => void submit()}
        command={command(["user", "create", values.aor || "AOR"], {
          home: values.home,
          name: values.display_name,
          number: values.number,
          group: wordsOf(values.groups),
          disabled: values.enabled !== "yes",
          "password-stdin": values.password !== "",
          "no-password": values.password === "",
        })}
      >
        <TextEntry of={form} name="aor" label={t("person.aor")} hint={t("person.aorHint")} required />
        <TextEntry words of={form} name="display_name" label={t("person.name")} />
        <ChoiceEntry of={form} name="home" label={t("person.home")} hint={t("person.homeHint")} options={homes.map((home) => [home, home])} />
        <TextEntry of={form} name="number" label={t("person.number")} hint={t("person.numberHint")} type="tel" />
        <TextEntry words of={form} name="groups" label={t("person.groups")} hint={t("person.groupsHint")} />
        <TextEntry of={form} name="password" label={t("person.password")} hint={t("person.passwordHint")} type="password" />
        <SwitchEntry of={form} name="enabled" label={t("person.enabled")} />
      </Form>
    </Page>
  );
}
