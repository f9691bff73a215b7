// Changing many people at once: what it is for each, and what takes it back. Pure.

import type { components } from "../../api/schema";

export type Edited = components["schemas"]["EditedPerson"];
type Person = components["schemas"]["Person"];

/** One thing that is different for somebody. */
export interface Difference {
  what: "state" | "groups" | "policy" | "place";
  before: string;
  after: string;
}

export interface Wanted {
  /** "yes", "no", or empty: as it is. */
  enabled: string;
  addGroups: string[];
  removeGroups: string[];
  /** Kind and name of a policy, or both empty. */
  kind: string;
  policy: string;
  place: string;
}

/** People a request: what is written in one transaction must not keep others waiting. */
export const AT_ONCE = 100;

export const namesIn = (text: string) => [...new Set(text.split(",").map((each) => each.trim()).filter((each) => each !== ""))];

export function chunks<Item>(items: readonly Item[], size = AT_ONCE): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** Whether the directory itself is asked: the rest is kept beside it. */
export const changesPerson = ({ enabled, addGroups, removeGroups }: Wanted) =>
  enabled !== "" || addGroups.length > 0 || removeGroups.length > 0;

export const changesNothing = (wanted: Wanted) => !changesPerson(wanted) && wanted.policy === "" && wanted.place === "";

/** `told`: puts a state in words. */
export function differences(before: Person | null, after: Person | null, told: (enabled: boolean) => string): Difference[] {
  if (before === null || after === null) return [];
  const found: Difference[] = [];
  if (before.enabled !== after.enabled) found.push({ what: "state", before: told(before.enabled), after: told(after.enabled) });
  const groups = [before, after].map((each) => [...each.groups].sort().join(", "));
  if (groups[0] !== groups[1]) found.push({ what: "groups", before: groups[0] ?? "", after: groups[1] ?? "" });
  return found;
}

/** What puts a person back as they were: only what this changed. */
export function inverse(before: Person, after: Person): Partial<Pick<Person, "enabled" | "groups">> {
  return {
    ...(before.enabled === after.enabled ? {} : { enabled: before.enabled }),
    ...([...before.groups].sort().join() === [...after.groups].sort().join() ? {} : { groups: before.groups }),
  };
}
