// How a number that was given, taken or kept is given back. Pure.

import type { components } from "../../api/schema";

type Details = components["schemas"]["NumberDetails"];

/** Whose a number is. owner: as the API takes it. kept: by whom it is reserved. */
export interface Held {
  number: string;
  state: string;
  owner: string;
  kept: string;
}

export type Step =
  | { do: "reserve" | "release"; number: string }
  | { do: "assign" | "transfer"; number: string; owner: string; replace: boolean };

export function held({ number, state, owner, reserved_by }: Details): Held {
  const whose = owner === null ? "" : owner.kind === "person" ? owner.name : `${owner.kind}:${owner.name}`;
  return { number, state, owner: whose, kept: reserved_by ?? "" };
}

/**
 * What lets a number be again whose it was; undefined where nothing can.
 *
 * me: who acts, as reservations name it: nobody reserves for somebody else. former: the number that whoever has it now
 * had until then, and that went into the inventory; empty for none.
 */
export function stepsBack(before: Held, after: Held, me: string, former = ""): Step[] | undefined {
  const { number, owner } = before;
  if (before.kept !== "" && before.kept !== me) return undefined;
  const freed = freeing(after, former);
  if (owner === "") return before.kept === "" ? freed : [...freed, { do: "reserve", number }];
  const passed = after.owner !== "" && former === ""; // at no instant nobody's
  return passed ? [{ do: "transfer", number, owner, replace: false }] : [...freed, { do: "assign", number, owner, replace: false }];
}

function freeing({ number, state, owner }: Held, former: string): Step[] {
  // Whoever gets another number in its place has it no more, in the same step.
  if (former !== "") return [{ do: "assign", number: former, owner, replace: true }];
  return state === "free" ? [] : [{ do: "release", number }];
}
