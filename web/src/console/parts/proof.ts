// Proving the second factor anew: by the browser's own session, which the access token hangs on.

import { ApiError } from "../../api/client";

export const STEP_UP = "urn:isthmus:problem:step-up";

async function asked(method: string, path: string, csrf: string, body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const told: unknown = await answer.json();
  if (!answer.ok) throw new ApiError(answer.status, told as ConstructorParameters<typeof ApiError>[1]);
  return told;
}

async function csrf(): Promise<string> {
  return ((await asked("GET", "/v1/session", "")) as { csrf: string | null }).csrf ?? "";
}

export async function proveByCode(code: string): Promise<void> {
  await asked("POST", "/v1/session/second-factor", await csrf(), { code });
}

export async function proveByPasskey(): Promise<void> {
  const token = await csrf();
  const begun = (await asked("POST", "/v1/session/passkey/options", token)) as {
    ceremony: string;
    options: PublicKeyCredentialRequestOptionsJSON;
  };
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(begun.options);
  const credential = await navigator.credentials.get({ publicKey });
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException("", "NotAllowedError");
  await asked("POST", "/v1/session/passkey", token, { ceremony: begun.ceremony, credential: credential.toJSON() as unknown });
}
