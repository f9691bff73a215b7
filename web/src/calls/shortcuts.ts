// Keys of the keyboard: with Alt, so that nobody calls by typing, and by their place, since Alt makes other characters.

import type { Call } from "./model";

export const SHORTCUTS = {
  answer: "A",
  hangUp: "X",
  mute: "M",
  hold: "O",
  search: "S",
  help: "K",
} as const;

export type Shortcut = keyof typeof SHORTCUTS;

interface Key {
  readonly code: string;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly repeat: boolean;
}

/** What a pressed key stands for. */
export function shortcutOf({ code, altKey, ctrlKey, metaKey, repeat }: Key): Shortcut | undefined {
  if (!altKey || ctrlKey || metaKey || repeat) return undefined;
  return (Object.keys(SHORTCUTS) as Shortcut[]).find((each) => code === `Key${SHORTCUTS[each]}`);
}

/** Which call a shortcut is for: whoever rings comes first, then whom one talks to, then the one that is held. */
export function callFor(shortcut: Shortcut, calls: readonly Call[]): Call | undefined {
  const ringing = calls.find((call) => call.stage === "incoming");
  const talking = calls.filter((call) => call.stage === "talking");
  const present = talking.find((call) => !call.held);
  if (shortcut === "answer") return ringing;
  if (shortcut === "mute") return present;
  if (shortcut === "hold") return present ?? talking[0];
  if (shortcut !== "hangUp") return undefined;
  return ringing ?? present ?? calls.find((call) => call.stage === "calling" || call.stage === "ringing") ?? talking[0];
}
