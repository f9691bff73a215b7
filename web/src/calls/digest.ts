// Digest by SHA-256 (RFC 8760) for JsSIP, which knows MD5 alone. What is answered by it can't be
// answered by who broke MD5, and works where a site or policy forbids that.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

export interface Challenge {
  realm: string;
  nonce: string;
  opaque?: string | null;
  qop?: string[] | null;
}

export interface Proof {
  username: string;
  realm: string;
  nonce: string;
  uri: string;
  response: string;
  cnonce: string;
  nc: string;
  opaque?: string | null;
}

const hash = (text: string) => bytesToHex(sha256(utf8ToBytes(text)));

export const ha1Of = (username: string, realm: string, password: string) => hash(`${username}:${realm}:${password}`);

/** The response of RFC 7616 section 3.4.1 with qop=auth. */
export function responseTo(
  challenge: Challenge,
  ha1: string,
  request: { method: string; uri: string },
  count: number,
  cnonce: string,
): { response: string; nc: string } {
  const nc = count.toString(16).padStart(8, "0");
  const ha2 = hash(`${request.method}:${request.uri}`);
  return { nc, response: hash(`${ha1}:${challenge.nonce}:${nc}:${cnonce}:auth:${ha2}`) };
}

/** The header's value. */
export function headerOf(proof: Proof): string {
  const opaque = proof.opaque ? `, opaque="${proof.opaque}"` : "";
  return (
    `Digest algorithm=SHA-256, username="${proof.username}", realm="${proof.realm}", nonce="${proof.nonce}", ` +
    `uri="${proof.uri}", response="${proof.response}", qop=auth, cnonce="${proof.cnonce}", nc=${proof.nc}${opaque}`
  );
}
