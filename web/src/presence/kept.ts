// The people whom one keeps in view, in this browser.

import { useCallback, useSyncExternalStore } from "react";
import type { Someone } from "../pages/Contact";

const MOST = 1000;
const listeners = new Set<() => void>();
let cache: { text: string | null; people: readonly Someone[] } = { text: null, people: [] };

const keyOf = (own: string) => `isthmus.contacts.${own}`;

/** The people in what was stored; none where that is something else. */
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

function read(own: string): readonly Someone[] {
  const text = localStorage.getItem(keyOf(own));
  if (text !== cache.text) cache = { text, people: peopleIn(text) };
  return cache.people;
}

export function useKept(own: string): { people: readonly Someone[]; keep: (someone: Someone, kept: boolean) => void } {
  const subscribe = useCallback((listener: () => void) => {
    listeners.add(listener);
    window.addEventListener("storage", listener);
    return () => {
      listeners.delete(listener);
      window.removeEventListener("storage", listener);
    };
  }, []);
  const people = useSyncExternalStore(subscribe, () => read(own));
  const keep = useCallback(
    (someone: Someone, kept: boolean) => {
      const others = read(own).filter(({ aor }) => aor !== someone.aor);
      const now = kept ? [...others, someone].slice(-MOST) : others;
      localStorage.setItem(keyOf(own), JSON.stringify(now));
      for (const listener of listeners) listener();
    },
    [own],
  );
  return { people, keep };
}
