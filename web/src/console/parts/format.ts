// How times, counts and commands are written. Pure.

import { language } from "../../messages";

const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const counts = new Intl.NumberFormat(language);

/** A moment given in Unix seconds; nothing for none. */
export const moment = (seconds: number | null | undefined) => (seconds ? moments.format(seconds * 1000) : "");
export const day = (seconds: number | null | undefined) => (seconds ? days.format(seconds * 1000) : "");
export const count = (value: number | null | undefined) => (value === null || value === undefined ? "–" : counts.format(value));

/** A moment as it is typed in a form, with this browser's zone, as the API takes it; null for none. */
export function zoned(text: string | undefined): string | null {
  const milliseconds = Date.parse(text ?? "");
  return Number.isNaN(milliseconds) ? null : new Date(milliseconds).toISOString();
}

/** Seconds as 1:02:03 or 2:03. */
export function lasting(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((each) => String(each).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${String(hours)}:${parts.join(":")}` : `${String(Number(parts[0]))}:${parts[1] ?? "00"}`;
}

/** A word of a shell's command line, in quotes where it needs them. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `isthmus` and what follows; undefined and empty options are left out. */
export function command(words: string[], options: Record<string, string | boolean | readonly string[] | undefined> = {}): string {
  const given = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === "" || value === false) return [];
    if (value === true) return [`--${name}`];
    return (typeof value === "string" ? [value] : value).map((each) => `--${name} ${word(each)}`);
  });
  return ["isthmus", ...words.map(word), ...given].join(" ");
}
