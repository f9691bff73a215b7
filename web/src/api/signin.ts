// Signing in at the site's own OpenID provider: authorization code with PKCE (RFC 7636). Tokens are kept in memory
// alone. After a reload the site's session answers for the person, and nothing has to be typed.

/** Our own pages that sign people in; each is a client of its own. */
export type Page = "phone" | "console";

let page: Page = "phone";
const PENDING = "isthmus.sign-in";
const SCOPE = "openid profile api";

interface Pending {
  state: string;
  verifier: string;
  /** Where to go on: an address below the page's own. */
  back: string;
}

interface Tokens {
  access: string;
  refresh: string;
  id: string;
  /** When the access token is to be renewed, in milliseconds of performance.now(). */
  renewAt: number;
}

interface TokenAnswer {
  access_token: string;
  refresh_token: string;
  id_token: string;
  expires_in: number;
}

let tokens: Tokens | undefined;
let renewing: Promise<void> | undefined;

export class SignInError extends Error {}

const callback = () => `${location.origin}/${page}/callback`;

/** Which page this is. To be said first; the phone need not. */
export function signInFor(which: Page): void {
  page = which;
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** The PKCE challenge of a verifier (RFC 7636 section 4.2). */
export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

export const isSignedIn = () => tokens !== undefined;

/**
 * The address of who is signed in, by the ID token; null for an account that is nobody's. The token came from the site
 * itself, by TLS: its signature need not be looked at (OpenID Connect Core section 3.1.3.7).
 */
export function signedInAs(): string | null {
  const claims = tokens?.id.split(".")[1] ?? "";
  const bytes = Uint8Array.from(atob(claims.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const { sip_address: address } = JSON.parse(new TextDecoder().decode(bytes)) as { sip_address?: string };
  return address ?? null;
}

/** Leave for the sign-in page; it leads back to the page's callback, and from there to `back`. */
export async function leaveForSignIn(back = ""): Promise<void> {
  const pending: Pending = { state: random(), verifier: random(), back };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const query = new URLSearchParams({
    client_id: page,
    redirect_uri: callback(),
    response_type: "code",
    scope: SCOPE,
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: "S256",
  });
  location.assign(`/oauth/authorize?${query.toString()}`);
}

/** Take what the sign-in page sent back; where to go on. Throws SignInError for no answer to what this tab asked. */
export async function takeAnswer(query: URLSearchParams): Promise<string> {
  const kept = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  const pending = kept === null ? undefined : (JSON.parse(kept) as Pending);
  const code = query.get("code");
  // The state ties the answer to this tab; iss says whose it is (RFC 9207).
  if (pending === undefined || query.get("state") !== pending.state || query.get("iss") !== location.origin) {
    throw new SignInError("state");
  }
  if (code === null) throw new SignInError(query.get("error_description") ?? "error");
  await ask({
    grant_type: "authorization_code",
    code,
    redirect_uri: callback(),
    code_verifier: pending.verifier,
  });
  return pending.back;
}

/** An access token that is good for now. Throws SignInError where nobody is signed in any more. */
export async function accessToken(): Promise<string> {
  if (tokens !== undefined && performance.now() > tokens.renewAt) {
    // A refresh token is good once: several requests at a time wait for the same new one.
    renewing ??= ask({ grant_type: "refresh_token", refresh_token: tokens.refresh }).finally(() => {
      renewing = undefined;
    });
    await renewing;
  }
  if (tokens === undefined) throw new SignInError("over");
  return tokens.access;
}

/** End the session at the site, and with it every token. */
export function leaveForSignOut(): void {
  const query = new URLSearchParams({
    id_token_hint: tokens?.id ?? "",
    post_logout_redirect_uri: `${location.origin}/${page}/`,
  });
  location.assign(`/oauth/logout?${query.toString()}`);
}

async function ask(body: Record<string, string>): Promise<void> {
  const answer = await fetch("/oauth/token", {
    method: "POST",
    body: new URLSearchParams({ client_id: page, ...body }),
    credentials: "omit",
  });
  if (!answer.ok) {
    tokens = undefined;
    throw new SignInError("over");
  }
  const told = (await answer.json()) as TokenAnswer;
  tokens = {
    access: told.access_token,
    refresh: told.refresh_token,
    id: told.id_token,
    // A tenth of its life is left for clocks and slow networks.
    renewAt: performance.now() + told.expires_in * 900,
  };
}
