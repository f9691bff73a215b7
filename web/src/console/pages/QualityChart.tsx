import { VerticalBarChart } from "@fluentui/react-charts";
import { makeStyles, Text } from "@fluentui/react-components";
import { t } from "../../messages/console";
import { count } from "../parts/format";
import { bandsOf } from "./quality";
import type { CallRecord } from "./RecordsOf";

const useStyles = makeStyles({ chart: { height: "14rem", maxWidth: "40rem" } });

/** How good the calls of a list sounded, as the engines measured it; nothing where none was. */
export default function QualityChart({ records }: { records: readonly CallRecord[] }) {
  const styles = useStyles();
  const bands = bandsOf(records.map(({ mos }) => mos));
  const measured = bands.reduce((sum, { calls }) => sum + calls, 0);
  if (measured === 0) return null;
  const words = bands.map(({ title, calls }) => `${title}: ${count(calls)}`).join(", ");
  return (
    <figure aria-label={t("quality")}>
      <figcaption>
        <Text>{t("qualityOf", { count: count(measured), words })}</Text>
      </figcaption>
      <div className={styles.chart}>
        <VerticalBarChart
          data={bands.map(({ title, calls, color }) => ({ x: title, y: calls, color, legend: title }))}
          hideLegend
          height={220}
          width={560}
          yAxisTickCount={3}
        />
      </div>
    </figure>
  );
}
