import {
  makeStyles, Table, TableBody, TableCell, TableHeader, TableHeaderCell, TableRow, Text, tokens,
} from "@fluentui/react-components";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef, type ReactNode } from "react";
import { t } from "../../messages/console";
import { own } from "./own";

export interface Column<Row> {
  id: string;
  title: string;
  show: (row: Row) => ReactNode;
  /** Its share of the width; 1 where left out. */
  share?: number;
}

const ROW_PX = 44;

const useStyles = makeStyles({
  scroll: {
    maxHeight: "max(16rem, calc(100vh - 20rem))",
    overflow: "auto",
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  table: { minWidth: "44rem" },
  head: { position: "sticky", top: 0, zIndex: 1, backgroundColor: tokens.colorNeutralBackground2 },
  body: { position: "relative", display: "block" },
  row: { position: "absolute", left: 0, right: 0, height: `${String(ROW_PX)}px`, contain: "strict" },
  cell: { minWidth: 0, overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  short: { overflowX: "auto" },
  narrow: { minWidth: "36rem" },
  wrap: { overflowWrap: "anywhere" },
});

const flex = (share = 1) => ({ flex: `${String(share)} 1 0` });

interface VirtualProps<Row> {
  label: string;
  columns: Column<Row>[];
  /** How many there are in all. */
  total: number;
  /** The row at a place; undefined while it is on its way. */
  at: (index: number) => Row | undefined;
  keyOf: (row: Row) => string;
  /** Told which rows are in sight. */
  onRange: (first: number, last: number) => void;
}

interface RowProps {
  index: number;
  /** Pixels from the top of the list. */
  start: number;
  row: unknown;
  columns: Column<unknown>[];
}

/** Drawn anew only when what it shows has changed: while one scrolls, most rows stay. */
const VirtualRow = memo(function VirtualRow({ index, start, row, columns }: RowProps) {
  const styles = useStyles();
  return (
    <TableRow aria-rowindex={index + 2} className={styles.row} style={{ transform: `translateY(${String(start)}px)` }}>
      {columns.map(({ id, show, share }) => (
        <TableCell key={id} style={flex(share)} className={styles.cell}>
          {row === undefined ? "…" : own(show(row))}
        </TableCell>
      ))}
    </TableRow>
  );
});

/** As many rows as there are; only those in sight are drawn. */
export function VirtualTable<Row>({ label, columns, total, at, keyOf, onRange }: VirtualProps<Row>) {
  const styles = useStyles();
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 4,
  });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    onRange(first, last);
  }, [first, last, onRange]);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by the keyboard
    <div ref={scroll} className={styles.scroll} tabIndex={0} role="group" aria-label={label}>
      <Table noNativeElements aria-label={label} aria-rowcount={total + 1} className={styles.table}>
        <TableHeader className={styles.head}>
          <TableRow aria-rowindex={1}>
            {columns.map(({ id, title, share }) => (
              <TableHeaderCell key={id} style={flex(share)}>
                {title}
              </TableHeaderCell>
            ))}
          </TableRow>
        </TableHeader>
        <TableBody className={styles.body} style={{ height: rows.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = at(index);
            const key = row === undefined ? `at-${String(index)}` : keyOf(row);
            return <VirtualRow key={key} index={index} start={start} row={row} columns={columns as Column<unknown>[]} />;
          })}
        </TableBody>
      </Table>
    </div>
  );
}

interface ShortProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: readonly Row[] | undefined;
  keyOf: (row: Row) => string;
  none: string;
}

/** A list that is short enough to be drawn whole. */
export function ShortTable<Row>({ label, columns, rows, keyOf, none }: ShortProps<Row>) {
  const styles = useStyles();
  if (rows === undefined) return null;
  if (rows.length === 0) return <Text>{none}</Text>;
  const shares = columns.reduce((sum, { share = 1 }) => sum + share, 0);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- as above, on a small screen
    <div className={styles.short} tabIndex={0} role="group" aria-label={t("table", { what: label })}>
      <Table aria-label={label} size="small" className={styles.narrow}>
        <TableHeader>
          <TableRow>
            {columns.map(({ id, title, share = 1 }) => (
              <TableHeaderCell key={id} style={{ width: `${String((100 * share) / shares)}%` }}>{title}</TableHeaderCell>
            ))}
          </TableRow>
        </TableHeader>
        <TableBody>
          {rows.map((row) => (
            <TableRow key={keyOf(row)}>
              {columns.map(({ id, show }) => (
                <TableCell key={id} className={styles.wrap}>
                  {own(show(row))}
                </TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </div>
  );
}
