// Calling plans given and taken through the API, and taken back.

import { api, told } from "../../api/client";
import type { Subject } from "../parts/changing";
import { takingBack, type Undo } from "../parts/undo";
import { backTo, bodyFor, settingsOf, type Had, type Settings, type Target } from "./plans";

const planAt = (plan: string) => ({ params: { path: { plan } } });

/** A plan as it is set, whoever has it. */
export const thePlan = (plan: string): Subject<Settings> => ({ look: () => api.GET("/v1/plans/{plan}", planAt(plan)), about: settingsOf });

export const definePlan = (plan: string, body: Settings) => (headers: Record<string, string>) => api.PUT("/v1/plans/{plan}", { ...planAt(plan), headers, body: settingsOf(body) });

export const deletePlan = (plan: string) => (headers: Record<string, string>) => api.DELETE("/v1/plans/{plan}", { ...planAt(plan), headers });

/** Let the target have a plan; empty: none. */
export async function assign(plan: string, from: string, target: Target, rank: number): Promise<void> {
  const body = { ...bodyFor(target), rank };
  if (plan === "") told(await api.POST("/v1/plans/{plan}/unassign", { ...planAt(from), body }));
  else told(await api.POST("/v1/plans/{plan}/assign", { ...planAt(plan), body }));
}

/** Who would have another plan by that. */
export async function previewed(plan: string, take: boolean, target: Target, rank: number) {
  return told(await api.POST("/v1/plans/{plan}/preview", { ...planAt(plan), body: { ...bodyFor(target), rank, take } }));
}

async function had({ kind, name }: Target): Promise<Had> {
  if (kind === "person") {
    const found = told(await api.GET("/v1/plans/of/{aor}", { params: { path: { aor: name } } }));
    return { plan: found.plan, byOther: found.group !== null || found.licence !== null, rank: 0 };
  }
  const plans = told(await api.GET("/v1/plans"));
  for (const { name: plan, given } of plans) {
    const found = given.find((each) => each[kind] === name);
    if (found) return { plan, byOther: false, rank: found.rank };
  }
  return { plan: null, byOther: false, rank: 0 };
}

/** Give a plan to the target, or with `take`, take it. Gives what takes that back. */
export async function give(plan: string, take: boolean, target: Target, rank: number, again: () => Promise<unknown>): Promise<Undo | undefined> {
  const look = async () => ({ state: JSON.stringify(await had(target)) });
  const before = await had(target);
  await assign(take ? "" : plan, plan, target, rank);
  await again();
  return takingBack(look, async () => {
    await assign(backTo(before), plan, target, before.rank);
    await again();
  });
}
