// What the page says of its calls as it goes: there is no time left then to measure anything, or to ask for it.

import type { components } from "../api/schema";

export type Report = components["schemas"]["CallReportBody"];

const reporters = new Set<() => Report | undefined>();

/** Whoever measures a call has a report of it at hand; gives what takes that back. */
export function reports(report: () => Report | undefined): () => void {
  reporters.add(report);
  return () => { reporters.delete(report); };
}

/** How these calls have sounded so far. */
export function reportsOf(callIds: readonly string[]): Report[] {
  return [...reporters].flatMap((report) => report() ?? []).filter((each) => callIds.includes(each.call_id));
}
