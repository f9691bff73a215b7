// A list of contacts by its groups.

import type { Entry } from "./kept";

export interface Group {
  /** Empty for those who are in none. */
  name: string;
  members: Entry[];
}

/** The groups by name, at the end those who are in none; in each by name. Who is in several is in each of them. */
export function groupsOf(entries: readonly Entry[]): Group[] {
  const found = new Map<string, Entry[]>();
  for (const entry of entries) {
    for (const name of entry.groups.length > 0 ? entry.groups : [""]) {
      found.set(name, [...(found.get(name) ?? []), entry]);
    }
  }
  const called = ({ name, address }: Entry) => name || address;
  return [...found]
    .map(([name, members]) => ({ name, members: members.sort((a, b) => called(a).localeCompare(called(b))) }))
    .sort((a, b) => Number(a.name === "") - Number(b.name === "") || a.name.localeCompare(b.name));
}
