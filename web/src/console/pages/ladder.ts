// Where what stands in the ladder of a call. Pure.

import type { components } from "../../api/schema";

export type CallLadder = components["schemas"]["CallLadder"];
type End = components["schemas"]["LadderEnd"];

export const COLUMN = 200;
export const ROW = 34;
export const HEAD = 56;

export interface Line {
  /** Where it begins and ends, from the left. */
  from: number;
  to: number;
  /** From the top. */
  at: number;
  what: string;
  after: string;
}

const keyOf = ({ kind, name }: End) => `${kind} ${name}`;

/** The column of each participant, and where each arrow is drawn. One whose end is nobody's column is left out. */
export function placed({ participants, arrows }: CallLadder): { lines: Line[]; width: number; height: number } {
  const columns = new Map(participants.map((each, index) => [keyOf(each), COLUMN / 2 + index * COLUMN]));
  const lines = arrows.flatMap(({ sender, receiver, what, after_ms }, index) => {
    const from = columns.get(keyOf(sender));
    const to = columns.get(keyOf(receiver));
    if (from === undefined || to === undefined) return [];
    return [{ from, to, at: HEAD + (index + 1) * ROW, what, after: seconds(after_ms) }];
  });
  return { lines, width: Math.max(1, participants.length) * COLUMN, height: HEAD + (arrows.length + 1) * ROW };
}

/** Milliseconds since the call began, as 1.234 s. */
export const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`;
