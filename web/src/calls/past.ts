// Records of calls as the API has them (one a leg), as the list of one's own calls.

export interface Leg {
  call_id: string;
  caller: string;
  callee: string;
  began: number;
  answered: number | null;
}

export interface Past {
  readonly id: string;
  readonly other: string;
  readonly kind: "outgoing" | "incoming" | "missed";
  /** In milliseconds since 1970. */
  readonly began: number;
}

const plain = (address: string) => address.replace(/^sips?:/i, "").toLowerCase();

/** The newest first, each call once, however many legs it had and sites it passed. */
export function pastCalls(legs: readonly Leg[], own: string): Past[] {
  const found = new Map<string, Past>();
  for (const leg of legs) {
    const outgoing = plain(leg.caller) === plain(own);
    const answered = leg.answered !== null || found.get(leg.call_id)?.kind === "incoming";
    const kind = outgoing ? "outgoing" : answered ? "incoming" : "missed";
    const began = leg.began * 1000;
    const other = plain(outgoing ? leg.callee : leg.caller);
    if (found.get(leg.call_id)?.kind !== "outgoing") found.set(leg.call_id, { id: leg.call_id, other, kind, began });
  }
  return [...found.values()].sort((one, another) => another.began - one.began);
}
