// What a conversation shows, line by line. Pure.

import type { Message } from "./model";
import type { Waiting } from "./outbox";

export interface Row {
  /** Of the message, also while it is being sent: so it stays the same row. */
  id: string;
  message?: Message;
  waits?: Waiting;
  /** The day that begins with it, as a time within it. It belongs to the row, which keeps its place by its id. */
  day?: number;
}

/** The messages and what is not sent yet, one row each. */
export function rowsOf(messages: readonly Message[], waiting: readonly Waiting[]): Row[] {
  const there = new Set(messages.map(({ id }) => id));
  let last = "";
  const rows: Row[] = messages.map((message) => {
    const day = new Date(message.at * 1000).toDateString();
    const begins = day !== last;
    last = day;
    return { id: message.id, message, ...(begins && { day: message.at * 1000 }) };
  });
  return [...rows, ...waiting.filter(({ id }) => !there.has(id)).map((waits) => ({ id: waits.id, waits }))];
}

/** What a day is called: today and yesterday by these words. */
export function dayText(day: number, now: number, language: string): string {
  const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0);
  const ago = Math.round((midnight(now) - midnight(day)) / 86_400_000);
  if (ago === 0 || ago === 1) {
    const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-ago, "day");
    return words.charAt(0).toLocaleUpperCase(language) + words.slice(1);
  }
  return new Intl.DateTimeFormat(language, { dateStyle: "full" }).format(day);
}
