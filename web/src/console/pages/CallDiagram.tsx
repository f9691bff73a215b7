import { Card, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ArrowRightRegular } from "@fluentui/react-icons/svg/arrow-right";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { GlobeRegular } from "@fluentui/react-icons/svg/globe";
import { ServerRegular } from "@fluentui/react-icons/svg/server";
import type { ReactNode } from "react";
import type { components } from "../../api/schema";
import { named, t } from "../../messages/console";
import { endOf, sourceOf } from "./way";

export type Explained = components["schemas"]["ExplainedCall"];

const useStyles = makeStyles({
  way: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "stretch",
    gap: tokens.spacingHorizontalS,
    listStyleType: "none",
    margin: 0,
    padding: 0,
  },
  stop: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS, minWidth: 0, maxWidth: "26rem" },
  head: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS },
  steps: { margin: 0, paddingInlineStart: tokens.spacingHorizontalL },
  icon: { fontSize: "20px", flexShrink: 0 },
  text: { overflowWrap: "anywhere" },
});

/** The way of a call, from stop to stop, with the reasons at each. */
export function CallDiagram({ of }: { of: Explained }) {
  const styles = useStyles();
  const end = endOf(of.hops.at(-1)?.decision);
  return (
    <ol className={styles.way} aria-label={t("theWay")}>
      <Stop icon={of.via === null ? <CallRegular /> : <GlobeRegular />} title={of.from || t("unknownCaller")} first>
        <Text size={200} className={styles.text}>{of.via === null ? t("phoneOf") : t("fromTrunk", { trunk: of.via })}</Text>
      </Stop>
      {of.hops.map((hop, index) => (
        <Stop key={`${hop.site} ${String(index)}`} icon={<ServerRegular />} title={hop.site}>
          <Text size={200} className={styles.text}>{t("asked", { target: hop.target, source: sourceOf(hop) })}</Text>
          <ul className={styles.steps}>
            {hop.steps.map(({ rule, text }) => (
              <li key={`${rule} ${text}`}>
                <Text size={200} className={styles.text}>{text}</Text>
              </li>
            ))}
          </ul>
          <Text size={200} weight="semibold" className={styles.text}>{endOf(hop.decision).words}</Text>
        </Stop>
      ))}
      <Stop icon={end.kind === "dial" ? <GlobeRegular /> : <CallRegular />} title={named("end", end.kind)}>
        <Text size={200} className={styles.text}>{end.name}</Text>
      </Stop>
    </ol>
  );
}

function Stop({ icon, title, children, first = false }: { icon: ReactNode; title: string; children: ReactNode; first?: boolean }) {
  const styles = useStyles();
  return (
    <li className={styles.stop}>
      {!first && <ArrowRightRegular className={styles.icon} aria-hidden />}
      <Card>
        <span className={styles.head}>
          <span className={styles.icon} aria-hidden>{icon}</span>
          <Text weight="semibold" className={styles.text}>{title}</Text>
        </span>
        {children}
      </Card>
    </li>
  );
}
