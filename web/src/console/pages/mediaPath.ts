import type { CallRecord } from "./RecordsOf";

type Leg = Pick<CallRecord, "site" | "route" | "way" | "source" | "via" | "media">;

/** Whether no site relayed the media of the call that has these legs. They have to be all there: of those that are not, nobody knows. */
export function isDirect(legs: Leg[]): boolean {
  const sites = new Set(legs.map((leg) => leg.site));
  const others = legs.flatMap((leg) => [leg.route === "relay" ? leg.way : null, leg.source === "peer" ? leg.via : null]);
  return others.every((site) => site === null || sites.has(site)) && legs.every((leg) => leg.media === "past");
}
