import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { count, moment } from "../parts/format";
import { Command, Fault, Loading, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";

const LIVE_MS = 4_000;

function useSites() {
  return useQuery({
    queryKey: ["sites"],
    refetchInterval: LIVE_MS,
    queryFn: async () => told(await api.GET("/v1/sites")),
  });
}

/** The trunks of all sites, and how they are now. */
export function TrunksPage() {
  const sites = useSites();
  return (
    <Page title={t("trunks")}>
      <Loading of={[sites]} />
      {sites.data?.map((site) => (
        <Section key={site.name} title={site.name}>
          {!site.reached && <Fault error={new Error(site.why)} />}
          <ShortTable
            label={t("trunksOf", { site: site.name })}
            none={t("noTrunks")}
            rows={site.trunks}
            keyOf={({ name }) => name}
            columns={[
              { id: "name", title: t("trunk"), show: ({ name }) => name },
              { id: "state", title: t("person.state"), show: ({ state }) => <State of={state} /> },
              { id: "address", title: t("address"), show: ({ address, port, transport }) => `${address}:${String(port)} ${transport}` },
              { id: "answers", title: t("answersIn"), show: ({ answers_ms: ms }) => (ms === null ? "–" : `${String(ms)} ms`) },
              { id: "calls", title: t("calls"), show: ({ calls, most_calls: most }) => (most === 0 ? count(calls) : `${count(calls)} / ${count(most)}`) },
              {
                id: "registered",
                title: t("accountThere"),
                show: ({ registered, registered_until: until, registration_error: error }) =>
                  registered === null ? t("none") : registered ? t("untilMoment", { moment: moment(until) }) : error || t("no"),
              },
              { id: "media", title: t("media"), show: ({ media }) => media },
            ]}
          />
        </Section>
      ))}
      <Command text="isthmus trunk list" />
    </Page>
  );
}

/** Whose certificate ends when. */
export function CertificatesPage() {
  const sites = useSites();
  const rows = sites.data?.flatMap(({ name: site, certificates }) => certificates.map((each) => ({ ...each, site })));
  return (
    <Page title={t("certificates")}>
      <Loading of={[sites]} />
      <ShortTable
        label={t("certificates")}
        none={t("noCertificates")}
        rows={rows}
        keyOf={({ site, serial }) => `${site} ${serial}`}
        columns={[
          { id: "site", title: t("site"), show: ({ site }) => site },
          { id: "name", title: t("person.name"), show: ({ name }) => name },
          { id: "from", title: t("since"), show: ({ not_before: from }) => moment(from) },
          { id: "until", title: t("until"), show: ({ not_after: until }) => moment(until) },
          {
            id: "days",
            title: t("daysLeft"),
            show: ({ days, fault }) => (days === null ? fault : <><State of={days < 0 ? "expired" : days < 14 ? "alarm" : "good"} /> {count(Math.floor(days))}</>),
          },
          { id: "serial", title: t("serial"), show: ({ serial }) => serial },
        ]}
      />
      <Command text="isthmus pki list" />
    </Page>
  );
}
