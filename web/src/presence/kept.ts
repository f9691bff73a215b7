// The people whom one keeps in view: a list at one's home, the same in all of one's tabs.

import { useCallback, useMemo } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { Live } from "../live/connection";
import { useLive, useLiveEvent, useLiveStatus, useWhenUp } from "../live/provider";
import type { Someone } from "../pages/Contact";

/** As the site has it. address: of somebody, or a number. */
export interface Entry {
  address: string;
  name: string;
  number: string;
  groups: string[];
}

const MOST = 1000;
const AT_ONCE = 200; // what goes over the WebSocket in one piece is limited
const keyOf = (own: string) => `isthmus.contacts.${own}`;
const domainOf = (own: string) => own.slice(own.indexOf("@"));

/** The people whom this browser alone had; none where something else stands there. */
export function peopleIn(text: string | null): readonly Someone[] {
  try {
    const found: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found.filter(isSomeone).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function isSomeone(value: unknown): value is Someone {
  const { aor, name, number } = (value ?? {}) as Record<string, unknown>;
  return typeof aor === "string" && typeof name === "string" && (number === null || typeof number === "string");
}

/** Numbers are called in one's own domain. */
export function someoneOf({ address, name, number }: Entry, own: string): Someone {
  const isNumber = !address.includes("@");
  return { aor: isNumber ? address + domainOf(own) : address, name, number: number || (isNumber ? address : null) };
}

export function addressOf(aor: string, own: string): string {
  return aor.startsWith("+") && aor.endsWith(domainOf(own)) ? aor.slice(0, -domainOf(own).length) : aor;
}

const entryOf = ({ aor, name, number }: Someone, own: string): Entry => ({
  address: addressOf(aor, own),
  name,
  number: number ?? "",
  groups: [],
});

const listOf = (told: unknown): readonly Entry[] => (told as { contacts: Entry[] }).contacts;

/** Once, what this browser had for itself goes to the list; what is there already stays as it is. */
async function listed(live: Live, own: string): Promise<readonly Entry[]> {
  const text = localStorage.getItem(keyOf(own));
  const old = peopleIn(text);
  if (old.length === 0) return listOf(await live.ask("contacts"));
  const told = await putInParts(live, old.map((each) => entryOf(each, own)), { newOnly: true });
  localStorage.removeItem(keyOf(own));
  return told;
}

/** The list as it is then. */
async function putInParts(live: Live, contacts: readonly Entry[], more: { newOnly?: boolean } = {}): Promise<readonly Entry[]> {
  let told: readonly Entry[] = [];
  for (let from = 0; from < contacts.length; from += AT_ONCE) {
    told = listOf(await live.ask("contacts.put", { ...more, contacts: contacts.slice(from, from + AT_ONCE) }));
  }
  return told;
}

const NOBODY: readonly Entry[] = [];

interface Kept {
  entries: readonly Entry[];
  people: readonly Someone[];
  keep: (someone: Someone, kept: boolean) => void;
  /** Add some, or change them. Raises with a reason. */
  put: (contacts: readonly Entry[]) => Promise<void>;
  remove: (address: string) => Promise<void>;
}

export function useKept(own: string): Kept {
  const live = useLive();
  const client = useQueryClient();
  const up = useLiveStatus() === "up";
  const { data: entries = NOBODY } = useQuery({
    queryKey: ["kept", own],
    enabled: up && live !== undefined,
    staleTime: Infinity, // changes are told
    queryFn: () => (live === undefined ? NOBODY : listed(live, own)),
  });
  const anew = useCallback(() => void client.invalidateQueries({ queryKey: ["kept", own] }), [client, own]);
  useWhenUp(anew);
  useLiveEvent("contacts.changed", anew);
  useLiveEvent("chats.again", anew);
  const put = useCallback(
    async (contacts: readonly Entry[]) => {
      if (live !== undefined) client.setQueryData(["kept", own], await putInParts(live, contacts));
    },
    [live, client, own],
  );
  const remove = useCallback(
    async (address: string) => {
      if (live !== undefined) {
        client.setQueryData(["kept", own], listOf(await live.ask("contacts.remove", { addresses: [address] })));
      }
    },
    [live, client, own],
  );
  const keep = useCallback(
    (someone: Someone, kept: boolean) => {
      (kept ? put([entryOf(someone, own)]) : remove(addressOf(someone.aor, own))).catch(anew);
    },
    [put, remove, own, anew],
  );
  const people = useMemo(() => entries.map((each) => someoneOf(each, own)), [entries, own]);
  return { entries, people, keep, put, remove };
}
