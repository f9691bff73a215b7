// What the phone asks its site for before it can be used: begun by the page's way in (../enter.ts), so that it goes on while
// the programs are loaded that show it.

import { SignInError, signedInAs, takeAnswer } from "../api/signin";
import { credentialOf } from "./device";
import type { Credential } from "./phone";

let answer: Promise<string> | undefined;
let credential: Promise<Credential> | undefined;

/** Take what the sign-in page sent back, which is good once; where to go on. Throws SignInError. */
export function signIn(): Promise<string> {
  answer ??= takeAnswer(new URLSearchParams(location.search));
  return answer;
}

/** What this tab registers with. What failed is tried again when asked again. */
export function ownCredential(): Promise<Credential> {
  credential ??= own().catch((error: unknown) => {
    credential = undefined;
    throw error;
  });
  return credential;
}

async function own(): Promise<Credential> {
  const aor = signedInAs();
  if (aor === null) throw new SignInError("no person");
  return credentialOf(aor);
}

/** Both, for whoever asks later: what goes wrong is theirs to tell. */
export function begin(): void {
  signIn().then(ownCredential).catch(() => undefined);
}
