// Numbers given, taken and kept through the API, and taken back (owning.ts says by which steps).

import { api, told } from "../../api/client";
import { takingBack, type Undo } from "../parts/undo";
import { held, stepsBack, type Held, type Step } from "./owning";

const numberAt = (number: string) => ({ params: { path: { number } } });
export const seeNumber = async (number: string) => told(await api.GET("/v1/numbers/{number}", numberAt(number)));

/** One step of `stepsBack`, or what it takes back. */
export async function take(step: Step) {
  const at = numberAt(step.number);
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
  const stand = async () => {
    const all = await Promise.all([before.number, ...(former === "" ? [] : [former])].map(seeNumber));
    return all.map(held);
  };
  const look = async () => ({ state: JSON.stringify(await stand()) });
  return takingBack(look, async () => {
    try {
      for (const step of steps) await take(step);
    } finally {
      await again();
    }
  });
}
