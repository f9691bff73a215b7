import { Badge, Card, CardHeader, makeStyles, MessageBar, MessageBarBody, Text, Title2, tokens } from "@fluentui/react-components";
import { ArrowSwapRegular } from "@fluentui/react-icons/svg/arrow-swap";
import { ServerRegular } from "@fluentui/react-icons/svg/server";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { count, moment } from "../parts/format";
import { Fault, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { useMay } from "../session";
import { SetupReminder } from "./SetupPage";

type Site = components["schemas"]["SiteState"];

const LIVE_MS = 4_000;

const useStyles = makeStyles({
  sites: {
    display: "grid",
    gap: tokens.spacingHorizontalL,
    gridTemplateColumns: "minmax(0, 1fr)",
    alignItems: "stretch",
    "@media (min-width: 56rem)": { gridTemplateColumns: "minmax(0, 1fr) auto minmax(0, 1fr)" },
  },
  between: {
    display: "flex",
    flexDirection: "column",
    alignItems: "center",
    justifyContent: "center",
    textAlign: "center",
    gap: tokens.spacingVerticalXS,
    maxWidth: "14rem",
    margin: "0 auto",
  },
  numbers: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalXXL },
  number: { display: "flex", flexDirection: "column" },
  chips: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, listStyleType: "none", margin: 0, padding: 0 },
  chip: { display: "flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
  icon: { fontSize: "24px" },
  badge: { flexShrink: 0, whiteSpace: "nowrap" },
  low: {
    display: "grid",
    gap: tokens.spacingHorizontalL,
    gridTemplateColumns: "minmax(0, 1fr)",
    "@media (min-width: 48rem)": { gridTemplateColumns: "minmax(0, 1fr) minmax(0, 1fr)" },
  },
});

export function HomePage() {
  const styles = useStyles();
  const may = useMay();
  const sites = useQuery({
    queryKey: ["sites"],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/sites")),
  });
  const links = useQuery({
    queryKey: ["link"],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/link")),
  });
  const [first, ...others] = sites.data ?? [];
  return (
    <Page title={t("home")}>
      <Loading of={[sites, links]} />
      {may("site.read") && <SetupReminder />}
      {first && (
        <>
          <Text role="status">{t("updated", { moment: moment(first.at) })}</Text>
          <div className={styles.sites}>
            <SiteCard site={first} />
            <div className={styles.between} role="group" aria-label={t("link")}>
              <ArrowSwapRegular className={styles.icon} aria-hidden />
              {(links.data ?? []).map((link) => (
                <div key={link.peer}>
                  <State of={link.up ? "up" : "down"} />
                  <Text block size={200}>
                    {link.up
                      ? t("linkUp", { moment: moment(link.since) })
                      : t("linkDown", { moment: moment(link.since), why: link.why })}
                  </Text>
                  {link.up && (
                    <Text block size={200}>
                      {link.pending > 0 ? t("linkPending", { count: count(link.pending) }) : t("linkCaughtUp")}
                    </Text>
                  )}
                </div>
              ))}
              {links.data?.length === 0 && <Text>{t("noLink")}</Text>}
            </div>
            {others.map((site) => <SiteCard key={site.name} site={site} />)}
          </div>
        </>
      )}
      <div className={styles.low}>
        {may("activity.read") && <Alerts />}
        {may("connector.read") && first && <Connectors of={(sites.data ?? []).flatMap(({ connectors }) => connectors)} />}
      </div>
    </Page>
  );
}

function SiteCard({ site }: { site: Site }) {
  const styles = useStyles();
  const certificate = site.certificates[0];
  return (
    <Card role="group" aria-label={site.name}>
      <CardHeader
        image={<ServerRegular className={styles.icon} aria-hidden />}
        header={<Text weight="semibold" size={400}>{site.name}</Text>}
        description={<Text size={200}>{named("role", site.role)}{site.authority ? ` · ${t("authority")}` : ""}</Text>}
        action={
          <Badge appearance="tint" className={styles.badge} color={!site.reached ? "danger" : site.ok ? "success" : "warning"}>
            {!site.reached ? t("silent") : site.ok ? t("well") : t("unwell")}
          </Badge>
        }
      />
      {!site.reached && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>{site.why}</MessageBarBody>
        </MessageBar>
      )}
      {site.alarms.map((alarm) => (
        <MessageBar key={alarm} intent="warning" layout="multiline">
          <MessageBarBody>{alarm}</MessageBarBody>
        </MessageBar>
      ))}
      <div className={styles.numbers}>
        <div className={styles.number}>
          <Title2>{count(site.people)}</Title2>
          <Text size={200}>{t("peopleHere")}</Text>
        </div>
        <div className={styles.number}>
          <Title2>{count(site.calls)}</Title2>
          <Text size={200}>{t("callsNow")}</Text>
        </div>
      </div>
      {site.processes.length > 0 && (
        <Chips
          title={t("engines")}
          of={site.processes.map(({ name, state, reason, restarts }) => ({
            name,
            state,
            more: restarts > 0 ? t("restarts", { count: count(restarts) }) : reason,
          }))}
        />
      )}
      {site.reached && (
        <Chips
          title={t("trunksTitle")}
          of={site.trunks.map(({ name, state, registration_error: more }) => ({ name, state, more }))}
          none={t("noTrunks")}
        />
      )}
      {certificate && (
        <Text size={200}>
          {certificate.days === null ? certificate.fault : t("certificateDays", { days: String(Math.floor(certificate.days)) })}
        </Text>
      )}
      {!site.here && site.web !== null && (
        <Text size={200}>
          <a href={`https://${site.fqdn}:${String(site.web)}/console/`}>{t("openConsole")}</a>
        </Text>
      )}
    </Card>
  );
}

function Chips({ title, of, none = "" }: { title: string; of: { name: string; state: string; more: string }[]; none?: string }) {
  const styles = useStyles();
  return (
    <div>
      <Text weight="semibold" size={200} block>
        {title}
      </Text>
      {of.length === 0 ? (
        <Text size={200}>{none}</Text>
      ) : (
        <ul className={styles.chips}>
          {of.map(({ name, state, more }) => (
            <li key={name} className={styles.chip}>
              <Text size={200}>{name}</Text>
              <State of={state} />
              {more !== "" && <Text size={200}>{more}</Text>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Alerts() {
  const styles = useStyles();
  const alerts = useQuery({
    queryKey: ["alerts", "open", 5],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/activity/alerts", { params: { query: { state: "open", limit: 5 } } })),
  });
  return (
    <Section title={t("alertsOpen")}>
      <Fault error={alerts.error} />
      {alerts.data?.length === 0 && <Text>{t("noAlerts")}</Text>}
      <ul className={styles.chips}>
        {alerts.data?.map((alert) => (
          <li key={alert.id} className={styles.chip}>
            <State of={alert.severity} kind="severity" />
            <Text size={200}>{alert.summary}</Text>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Connectors({ of }: { of: Site["connectors"] }) {
  return (
    <Section title={t("connectors")}>
      <Chips
        title=""
        none={t("noConnectors")}
        of={of.map(({ name, site, state, calls }) => ({ name, state, more: t("connectorLine", { site, calls: count(calls) }) }))}
      />
    </Section>
  );
}
