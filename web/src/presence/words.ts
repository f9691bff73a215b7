// Presence in words.

import { say } from "../messages";
import type { Presence } from "./model";

/** How somebody is, as it stands beside their name. */
export function inWords(one: Presence, current: boolean): string {
  const parts = [say(`presence.${one.availability}`)];
  if (one.in_call) parts.push(say("presence.inCall"));
  if (one.out_of_office) parts.push(say("presence.outOfOffice"));
  if (one.note) parts.push(one.note);
  const words = parts.join(" · ");
  return current ? words : say("presence.lastKnown", { words });
}

/** Where they are, and what time it is there; empty where they don't say. */
export function whereIs(one: Presence, language: string, now = new Date()): string {
  const parts = one.location ? [one.location] : [];
  if (one.time_zone && one.time_zone !== Intl.DateTimeFormat().resolvedOptions().timeZone) {
    const clock = new Intl.DateTimeFormat(language, { timeStyle: "short", timeZone: one.time_zone });
    parts.push(say("presence.localTime", { time: clock.format(now) }));
  }
  return parts.join(" · ");
}
