import { Button, Field, makeStyles, MessageBar, MessageBarBody, Switch, Text, Textarea, tokens } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { t } from "../../messages/console";
import { Confirm } from "../parts/Confirm";
import { command, count } from "../parts/format";
import { Command, Fault, Page, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { useWork } from "../parts/work";
import { rowsOf } from "./csv";

type Report = components["schemas"]["PeopleImport"];

const SHOWN = 200;

const useStyles = makeStyles({
  column: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, maxWidth: "60rem" },
  row: { display: "flex", gap: tokens.spacingHorizontalM, flexWrap: "wrap", alignItems: "center" },
});

export function ImportPage() {
  const styles = useStyles();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [update, setUpdate] = useState(false);
  const [report, setReport] = useState<Report>();
  const send = async (dryRun: boolean) => {
    const told_ = told(
      await api.POST("/v1/people/import", { body: { rows: rowsOf(text), update, dry_run: dryRun } }),
    );
    setReport(told_);
    if (!dryRun) void queries.invalidateQueries({ queryKey: ["people"] });
  };
  const preview = useWork(() => {
    setReport(undefined);
    return send(true);
  });
  const changed = (next: string) => {
    setText(next);
    setReport(undefined);
  };
  const ready = report?.dry_run === true && report.errors.length === 0;
  return (
    <Page title={t("importPeople")} above={[{ to: "/people", title: t("people") }]}>
      <div className={styles.column}>
        <Text>{t("importHow")}</Text>
        <Field label={t("importFile")}>
          <input
            type="file"
            aria-label={t("importFile")}
            accept=".csv,text/csv"
            onChange={(event) => {
              void event.target.files?.[0]?.text().then(changed);
            }}
          />
        </Field>
        <Field label={t("importText")} hint={t("importHint")}>
          <Textarea rows={8} resize="vertical" value={text} onChange={(_, { value }) => { changed(value); }} />
        </Field>
        <Switch
          label={t("importUpdate")}
          checked={update}
          onChange={(_, { checked }) => {
            setUpdate(checked);
            setReport(undefined);
          }}
        />
        <div className={styles.row}>
          <Button appearance="primary" disabled={preview.isPending || text.trim() === ""} onClick={() => { preview.mutate(); }}>
            {t("preview")}
          </Button>
          <Confirm
            text={t("importNow")}
            title={t("importPeople")}
            disabled={!ready}
            consequences={t("importConsequences", { created: count(report?.created), updated: count(report?.updated) })}
            command={command(["user", "import", "people.csv"], { update })}
            done={t("importDone")}
            onConfirm={() => send(false)}
          />
        </div>
        <Command text={command(["user", "import", "people.csv"], { update, "dry-run": true })} />
        <Fault error={preview.error} />
      </div>
      {report && (
        <Section title={report.dry_run ? t("previewTitle") : t("importDone")}>
          <MessageBar intent={report.errors.length > 0 ? "error" : "success"} role="status" layout="multiline">
            <MessageBarBody>
              {t("importCounts", {
                created: count(report.created),
                updated: count(report.updated),
                unchanged: count(report.unchanged),
                errors: count(report.errors.length),
              })}
            </MessageBarBody>
          </MessageBar>
          {report.errors.length > 0 && (
            <ShortTable
              label={t("importErrors")}
              none=""
              rows={report.errors.slice(0, SHOWN)}
              keyOf={(fault) => `${String(fault.line)} ${fault.what}`}
              columns={[
                { id: "line", title: t("line"), show: ({ line }) => (line === 0 ? "" : String(line)) },
                { id: "aor", title: t("person.aor"), show: ({ aor }) => aor },
                { id: "what", title: t("fault"), show: ({ what }) => what },
              ]}
            />
          )}
        </Section>
      )}
    </Page>
  );
}
