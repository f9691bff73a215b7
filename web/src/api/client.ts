// The site's API by the types of its own description: schema.ts is made of it by `make web`.

import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";
import { accessToken } from "./signin";

export type Contact = components["schemas"]["Contact"];
export type CallRecord = components["schemas"]["CallRecord"];
type Problem = components["schemas"]["Problem"];

/** What the API refused, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  /** The problem's type, `about:blank` for most. */
  readonly kind: string;
  /** Field, line or object that it is about; empty where `message` says it all. */
  readonly where: string;
  /** What is wrong, without what can be done about it; the message has both. */
  readonly what: string;

  constructor(status: number, problem: Problem | undefined) {
    super(problem?.detail ?? `HTTP ${String(status)}`);
    this.status = status;
    this.kind = problem?.type ?? "about:blank";
    this.where = problem?.where ?? "";
    this.what = problem?.what ?? this.message;
  }
}

const signedIn: Middleware = {
  async onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${await accessToken()}`);
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: location.origin, credentials: "omit" });
api.use(signedIn);

/** The answer's body, or ApiError. */
export function told<Body>(answer: { data?: Body; error?: unknown; response: Response }): Body {
  if (!answer.response.ok) throw new ApiError(answer.response.status, answer.error as Problem | undefined);
  return answer.data as Body;
}
