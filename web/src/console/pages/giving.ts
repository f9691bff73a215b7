// Numbers given, taken and kept through the API, and taken back (owning.ts says by which steps).

import { api, told } from "../../api/client";
import { takingBack, type Undo } from "../parts/undo";
import { held, stepsBack, type Held, type Step } from "./owning";

const numberAt = (number: string) => ({ params: { path: { number } } });
export const seeNumber = async (number: string) => told(await api.GET("/v1/numbers/{number}", numberAt(number)));

/** One step of `stepsBack`, or what it takes back. headers: may have the site compare first. */
export async function take(step: Step, headers: Record<string, string> = {}) {
  const at = { ...numberAt(step.number), headers };
  if ("owner" in step) {
    const given = { ...at, body: { owner: step.owner, replace: step.replace } };
    return told(step.do === "assign" ? await api.POST("/v1/numbers/{number}/assign", given) : await api.POST("/v1/numbers/{number}/transfer", given));
  }
  return told(step.do === "reserve" ? await api.POST("/v1/numbers/{number}/reserve", at) : await api.POST("/v1/numbers/{number}/release", at));
}

/** The number of the inventory that somebody would lose for another one; empty for none, undefined where it can't be told. */
export async function numberOf(owner: string): Promise<string | undefined> {
  if (!owner.includes("@")) return "";
  const person = await api.GET("/v1/people/{aor}", { params: { path: { aor: owner } } });
  if (person.data === undefined) return undefined;
  const { number } = person.data;
  if (number === null) return "";
  return (await seeNumber(number)).range === null ? undefined : number;
}

/** What takes a step back that left a number so. former: see stepsBack. */
export function backFrom(before: Held, after: Held, me: string, former: string | undefined, again: () => Promise<void>): Promise<Undo | undefined> {
  const steps = former === undefined ? undefined : stepsBack(before, after, me, former);
  if (former === undefined || steps === undefined) return Promise.resolve(undefined);
  const tags = new Map<string, string>();
  const look = async () => {
    const all = await Promise.all(
      [before.number, ...(former === "" ? [] : [former])].map(async (number) => {
        const answer = await api.GET("/v1/numbers/{number}", numberAt(number));
        tags.set(number, answer.response.headers.get("ETag") ?? "*");
        return held(told(answer));
      }),
    );
    return { state: JSON.stringify(all) };
  };
  return takingBack(look, async () => {
    try {
      for (const [index, step] of steps.entries()) {
        // The first step may change the other number, too: what comes behind it has no tag that was seen.
        await take(step, index === 0 ? { "If-Match": tags.get(step.number) ?? "*" } : {});
      }
    } finally {
      await again();
    }
  });
}
