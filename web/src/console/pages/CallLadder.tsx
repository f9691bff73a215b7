import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { named, t } from "../../messages/console";
import { command } from "../parts/format";
import { Command, Loading, Section } from "../parts/Page";
import { ShortTable } from "../parts/Table";
import { COLUMN, HEAD, placed, seconds, type CallLadder as Ladder } from "./ladder";

const useStyles = makeStyles({
  scroll: { overflowX: "auto", border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium },
  line: { stroke: tokens.colorNeutralStroke1, strokeDasharray: "4 4" },
  arrow: { stroke: tokens.colorBrandStroke1, strokeWidth: "1.5px" },
  head: { fill: tokens.colorBrandStroke1 },
  text: { fill: tokens.colorNeutralForeground1, fontSize: tokens.fontSizeBase200 },
  soft: { fill: tokens.colorNeutralForeground2, fontSize: tokens.fontSizeBase100 },
});

const short = (text: string, most = 26) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** What was signalled of a call, as a drawing, and as a table for who can't see it. */
export function CallLadder({ callId }: { callId: string }) {
  const found = useQuery({
    queryKey: ["records", "ladder", callId],
    queryFn: async () => told(await api.GET("/v1/calls/ladder", { params: { query: { call_id: callId } } })),
  });
  const ladder = found.data;
  return (
    <Section title={t("ladder")}>
      <Loading of={[found]} />
      {ladder?.arrows.length === 0 && <Text>{t("ladderGone")}</Text>}
      {ladder && ladder.arrows.length > 0 && (
        <>
          <Drawing ladder={ladder} />
          <ShortTable
            label={t("ladder")}
            none={t("ladderGone")}
            rows={ladder.arrows.map((arrow, place) => ({ ...arrow, place }))}
            keyOf={({ place }) => String(place)}
            columns={[
              { id: "after", title: t("afterStart"), show: ({ after_ms }) => seconds(after_ms) },
              { id: "from", title: t("from"), show: ({ sender }) => `${named("ladderEnd", sender.kind)} ${sender.name}` },
              { id: "to", title: t("to"), show: ({ receiver }) => `${named("ladderEnd", receiver.kind)} ${receiver.name}` },
              { id: "what", title: t("sipMessage"), show: ({ what }) => what },
              { id: "site", title: t("seenBy"), show: ({ site }) => site },
            ]}
          />
        </>
      )}
      <Command text={command(["call", "ladder", callId])} />
    </Section>
  );
}

function Drawing({ ladder }: { ladder: Ladder }) {
  const styles = useStyles();
  const { lines, width, height } = placed(ladder);
  const figures = ladder.legs.filter(({ mos }) => mos !== null);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by the keyboard
    <div className={styles.scroll} tabIndex={0} role="group" aria-label={t("ladderDrawing")}>
      <svg width={width} height={height + figures.length * 20} role="img" aria-label={t("ladderDrawn", { count: String(lines.length) })}>
        {ladder.participants.map(({ kind, name }, index) => {
          const x = COLUMN / 2 + index * COLUMN;
          return (
            <g key={`${kind} ${name}`}>
              <title>{name}</title>
              <text x={x} y={20} textAnchor="middle" className={styles.soft}>{named("ladderEnd", kind)}</text>
              <text x={x} y={38} textAnchor="middle" className={styles.text}>{short(name)}</text>
              <line x1={x} x2={x} y1={HEAD} y2={height} className={styles.line} />
            </g>
          );
        })}
        {lines.map(({ from, to, at, what, after }, index) => {
          const towards = to > from ? -1 : 1;
          return (
            <g key={String(index)}>
              <text x={(from + to) / 2} y={at - 6} textAnchor="middle" className={styles.text}>{short(what, 24)}</text>
              <line x1={from} x2={to} y1={at} y2={at} className={styles.arrow} />
              <polygon points={`${String(to)},${String(at)} ${String(to + towards * 8)},${String(at - 4)} ${String(to + towards * 8)},${String(at + 4)}`} className={styles.head} />
              <text x={Math.min(from, to) + 6} y={at + 12} className={styles.soft}>{after}</text>
            </g>
          );
        })}
        {figures.map(({ site, mos, loss_percent, jitter_ms, id }, index) => (
          <text key={id} x={8} y={height + 14 + index * 20} className={styles.text}>
            {t("ladderSound", {
              site, mos: mos?.toFixed(1) ?? "–", loss: loss_percent?.toFixed(1) ?? "–", jitter: jitter_ms?.toFixed(1) ?? "–",
            })}
          </text>
        ))}
      </svg>
    </div>
  );
}
