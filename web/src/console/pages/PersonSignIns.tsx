import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { command, moment } from "../parts/format";
import { Go } from "../parts/Go";
import { Command, Facts, Loading, Section } from "../parts/Page";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";

/** The account of a person: its factors, the sessions that are open, and the sign-ins that failed. */
export function PersonSignIns({ aor }: { aor: string }) {
  const accounts = useQuery({
    queryKey: ["accounts", aor],
    queryFn: async () => {
      const found = told(await api.GET("/v1/accounts", { params: { query: { match: aor, limit: 50 } } }));
      return found.filter(({ person }) => person === aor);
    },
  });
  const sessions = useQuery({
    queryKey: ["sessions"],
    queryFn: async () => told(await api.GET("/v1/sessions")),
  });
  const names = new Set(accounts.data?.map(({ name }) => name));
  return (
    <>
      <Loading of={[accounts, sessions]} />
      {accounts.data?.length === 0 && t("noAccount")}
      {accounts.data?.map((account) => (
        <Section key={account.id} title={account.name}>
          <Facts
            of={[
              [t("person.state"), <State key="state" of={account.enabled ? "enabled" : "disabled"} />],
              [t("factors"), account.factors.join(", ") || t("none")],
              [t("lastSignIn"), moment(account.signed_in) || t("never")],
              [t("failedSignIns"), <Go key="failed" to="/audit" search={{ object: `account:${account.name}`, action: "session.refused" }}>{t("inAudit")}</Go>],
            ]}
          />
          <Command text={command(["account", "show", account.name])} />
        </Section>
      ))}
      {names.size > 0 && sessions.data && (
        <Section title={t("sessions")}>
          <ShortTable
            label={t("sessions")}
            none={t("noSessions")}
            rows={sessions.data.filter(({ account }) => names.has(account))}
            keyOf={({ id }) => id}
            columns={[
              { id: "since", title: t("since"), show: ({ created }) => moment(created) },
              { id: "seen", title: t("lastSeen"), show: ({ seen }) => moment(seen) },
              { id: "browser", title: t("browser"), show: ({ browser }) => browser },
              { id: "address", title: t("address"), show: ({ address }) => address },
            ]}
          />
        </Section>
      )}
    </>
  );
}
