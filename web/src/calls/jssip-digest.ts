// Puts our digest (digest.ts) into JsSIP, which offers no place for another one. Its class is not part of what JsSIP
// publishes, so the version is locked, and tests/interop/test_web_phone.py registers by it.

import DigestAuthentication from "jssip/lib/DigestAuthentication";
import { ha1Of, headerOf, responseTo, type Challenge } from "./digest";

interface Credentials {
  username: string;
  password?: string | null;
  ha1?: string | null;
  realm?: string | null;
}

interface Inside {
  _credentials: Credentials;
  _realm: string | null;
  _ha1: string | null;
  _count?: number;
  _header?: string;
}

interface Request {
  method: string;
  ruri: { toString(): string };
}

function authenticate(this: Inside, { method, ruri }: Request, challenge: Challenge): boolean {
  const { username, password, ha1, realm } = this._credentials;
  // The site offers SHA-256 first, then MD5, each with the same nonce; JsSIP keeps the last header alone. So whatever
  // is named here, SHA-256 was offered.
  if (!challenge.qop?.includes("auth")) return false;
  // After the first time JsSIP keeps the hash alone, which is good for the realm that it was made for.
  const secret = password ? ha1Of(username, challenge.realm, password) : realm === challenge.realm ? ha1 : undefined;
  if (!secret) return false;
  this._count = (this._count ?? 0) + 1;
  this._realm = challenge.realm;
  this._ha1 = secret;
  const cnonce = crypto.randomUUID().replaceAll("-", "");
  const uri = ruri.toString();
  const { response, nc } = responseTo(challenge, secret, { method, uri }, this._count, cnonce);
  const { nonce, opaque = null } = challenge;
  this._header = headerOf({ username, realm: challenge.realm, nonce, uri, response, cnonce, nc, opaque });
  return true;
}

function toString(this: Inside): string {
  return this._header ?? "";
}

export function answerBySha256(): void {
  Object.assign(DigestAuthentication.prototype, { authenticate, toString });
}
