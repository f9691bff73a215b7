// What somebody typed, as a SIP address of their domain.

const DIALLED = /^[+*#\d][\d*#().\-/\s]*$/;
const ADDRESS = /^(?:sips?:)?([^\s@;?]+@[^\s@;?/]+)$/i;

/** The address to call; undefined for what is neither a number nor an address. */
export function addressOf(typed: string, domain: string): string | undefined {
  const text = typed.trim();
  if (DIALLED.test(text)) return `sip:${text.replaceAll(/[().\-/\s]/g, "")}@${domain}`;
  const address = ADDRESS.exec(text)?.[1];
  return address === undefined ? undefined : `sip:${address}`;
}

/** How an address is shown: a number of our own domain without that. */
export function shownAddress(uri: string, domain: string): string {
  const address = uri.replace(/^sips?:/i, "").replace(/[;?].*$/, "");
  const [user = "", host = ""] = address.split("@");
  return host === domain && /^\+?[\d*#]+$/.test(user) ? user : address;
}
