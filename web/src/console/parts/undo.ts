// How a change is taken back: by another change of the same API, as long as what was changed is still as it was left.

import { ApiError, told } from "../../api/client";
import { t } from "../../messages/console";
import { written } from "./written";

export type Undo = () => Promise<unknown>;

export const isUndo = (given: unknown): given is Undo => typeof given === "function";

/** How something is now. `state` is compared; `tag` is sent along where the route compares it too. */
export interface Seen {
  state: string;
  tag?: string;
}

export const GONE: Seen = { state: "" };

export interface Answer<Body> {
  data?: Body;
  error?: unknown;
  response: Response;
}

/** The headers by which the site compares before it changes what was seen so. */
export function whatSiteCompares({ state, tag }: Seen): Record<string, string> {
  if (state === "") return { "If-None-Match": "*" };
  return tag === undefined ? {} : { "If-Match": tag };
}

/**
 * What forms change of something, or a part of something larger, such as an entry of a list; undefined is one that is
 * not there.
 *
 * The rest may change meanwhile. The tag of the whole, as of this look, is for the moment until it is taken back.
 */
export function part<Body>(answer: Answer<Body>, pick: (body: Body) => unknown): Seen {
  if (answer.response.status === 404) return GONE;
  const found = pick(told(answer));
  if (found === undefined) return GONE;
  const tag = answer.response.headers.get("ETag");
  return { state: written(found), ...(tag?.startsWith('"') === true ? { tag } : {}) };
}

/**
 * What takes back the change that was just made; undefined where somebody else was as quick.
 *
 * look: how it is now; compared before anything is taken back. back: the change, with the headers that have the site
 * compare too. left: how the change left it, where its answer says so.
 */
export async function takingBack(look: () => Promise<Seen>, back: (headers: Record<string, string>) => Promise<unknown>, left?: Seen): Promise<Undo | undefined> {
  const after = await look();
  if (left !== undefined && left.state !== after.state) return undefined;
  return async () => {
    const now = await look();
    if (now.state !== after.state) throw new Error(t("undoChanged"));
    try {
      return await back(whatSiteCompares(now));
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) throw new Error(t("undoChanged"), { cause: error });
      throw error;
    }
  };
}
