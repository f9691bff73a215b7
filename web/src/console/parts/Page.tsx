import {
  Breadcrumb, BreadcrumbDivider, BreadcrumbItem, Button, makeStyles, MessageBar, MessageBarActions, MessageBarBody,
  MessageBarTitle, Spinner, Subtitle2, Text, Title2, tokens, useId,
} from "@fluentui/react-components";
import { CopyRegular } from "@fluentui/react-icons/svg/copy";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError } from "../../api/client";
import { t } from "../../messages/console";
import { OutdatedError } from "./changing";
import { Go, type Where } from "./Go";
import { own } from "./own";

const useStyles = makeStyles({
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalM },
  title: { flexGrow: 1, overflowWrap: "anywhere" },
  body: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, marginTop: tokens.spacingVerticalM },
  section: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, minWidth: 0 },
  command: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM}`,
    backgroundColor: tokens.colorNeutralBackground3,
    borderRadius: tokens.borderRadiusMedium,
  },
  code: { flexGrow: 1, minWidth: 0, overflowWrap: "anywhere", whiteSpace: "pre-wrap" },
  facts: {
    display: "grid",
    gridTemplateColumns: "minmax(7rem, max-content) minmax(0, 1fr)",
    columnGap: tokens.spacingHorizontalL,
    rowGap: tokens.spacingVerticalXS,
    margin: 0,
    overflowWrap: "anywhere",
    "@media (max-width: 40rem)": { gridTemplateColumns: "fit-content(45%) minmax(0, 1fr)" },
  },
  fact: { margin: 0 },
  pair: { display: "contents" },
  name: { color: tokens.colorNeutralForeground2 },
});

interface PageProps {
  title: string;
  /** Pages above this one, from the top. */
  above?: (Where & { title: string })[];
  actions?: ReactNode;
  children: ReactNode;
}

/** A page of the console: its way, heading, what can be done, and what it is about. */
export function Page({ title, above = [], actions, children }: PageProps) {
  const styles = useStyles();
  useEffect(() => {
    document.title = `${title} · ${t("title")}`;
  }, [title]);
  return (
    <>
      {above.length > 0 && (
        <Breadcrumb aria-label={t("way")} size="small">
          {above.map(({ title: name, ...where }) => (
            <BreadcrumbItem key={where.to}>
              <Go {...where}>{name}</Go>
              <BreadcrumbDivider />
            </BreadcrumbItem>
          ))}
        </Breadcrumb>
      )}
      <div className={styles.head}>
        <Title2 as="h1" className={styles.title}>
          {own(title)}
        </Title2>
        {actions}
      </div>
      <div className={styles.body}>{children}</div>
    </>
  );
}

export function Section({ title, children, actions }: { title: string; children: ReactNode; actions?: ReactNode }) {
  const styles = useStyles();
  const id = useId("section");
  return (
    <section className={styles.section} aria-labelledby={id}>
      <div className={styles.head}>
        <Subtitle2 as="h2" id={id} className={styles.title}>
          {title}
        </Subtitle2>
        {actions}
      </div>
      {children}
    </section>
  );
}

/** What went wrong, in the API's own words. `onAnew`: what else is to happen when the page is asked for anew. */
export function Fault({ error, onAnew }: { error: Error | null; onAnew?: () => void }) {
  if (error === null) return null;
  const where = error instanceof ApiError ? error.where : "";
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{where === "" ? t("failed") : where}</MessageBarTitle>
        {error.message}
      </MessageBarBody>
      {error instanceof OutdatedError && <Anew {...(onAnew === undefined ? {} : { onAnew })} />}
    </MessageBar>
  );
}

/** Asks for all that the page shows anew: only when told to, for what was typed into a form of the older state is gone by it. */
function Anew({ onAnew }: { onAnew?: () => void }) {
  const queries = useQueryClient();
  const show = () => {
    onAnew?.();
    void queries.invalidateQueries();
  };
  return (
    <MessageBarActions>
      <Button onClick={show}>{t("showAnew")}</Button>
    </MessageBarActions>
  );
}

interface Loaded {
  isPending: boolean;
  error: Error | null;
}

/** The faults of what a page asks for, and a spinner while it waits for all of it. */
export function Loading({ of }: { of: Loaded[] }) {
  const failed = of.find(({ error }) => error !== null);
  if (failed) return <Fault error={failed.error} />;
  return of.some(({ isPending }) => isPending) ? <Spinner size="small" label={t("loading")} /> : null;
}

/** The command that does the same, to be copied. */
export function Command({ text }: { text: string }) {
  const styles = useStyles();
  const [copied, setCopied] = useState(false);
  return (
    <div className={styles.command} role="group" aria-label={t("command")}>
      <Text font="monospace" size={200} className={styles.code}>
        {/* A command goes from left to right on every page: else its hyphens and quotes change sides. */}
        <bdi dir="ltr">{text}</bdi>
      </Text>
      <Button
        size="small"
        appearance="subtle"
        icon={<CopyRegular />}
        onClick={() => {
          void navigator.clipboard.writeText(text).then(() => { setCopied(true); });
        }}
      >
        {copied ? t("copied") : t("copy")}
      </Button>
    </div>
  );
}

/** Names and values; those without a value are left out. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  const styles = useStyles();
  return (
    <dl className={styles.facts}>
      {of
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name} className={styles.pair}>
            <dt className={styles.name}>{name}</dt>
            <dd className={styles.fact}>{own(value)}</dd>
          </div>
        ))}
    </dl>
  );
}
