// Links to numbers and addresses (RFC 3966, RFC 3261 section 19.1) that lead here: `?call=tel:+14255550103`. What they
// name is put into the field, and called by nobody but the person: a link of a stranger's must not make calls.

const KEPT = "call"; // over the sign-in, which leaves the page
const SCHEMES = ["tel", "sip", "sips"] as const;
const LONGEST = 200;

/** What to put into the field for a link; undefined where it is none. */
export function numberOfLink(link: string): string | undefined {
  const [, scheme, rest] = /^(tel|sips?):(.+)$/is.exec(link.trim()) ?? [];
  if (scheme === undefined || rest === undefined || rest.length > LONGEST) return undefined;
  const address = rest.split(/[;?]/)[0] ?? "";
  try {
    const plain = decodeURIComponent(address);
    return /^[\p{L}\p{N}+*#@._~%()/ -]+$/u.test(plain) ? plain : undefined;
  } catch {
    return undefined;
  }
}

/** Keep what the page was opened for, and take it out of the address, so that a reload does not bring it again. */
export function keepLink(): void {
  const link = new URLSearchParams(location.search).get("call");
  if (link === null) return;
  sessionStorage.setItem(KEPT, link);
  history.replaceState(null, "", location.pathname);
}

/** What was kept, once. */
export function takeLink(): string {
  const link = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return link === null ? "" : (numberOfLink(link) ?? "");
}

/** Ask the browser to open such links here. Each is asked for by itself, and some browsers leave some out. */
export function openLinksHere(): void {
  for (const scheme of SCHEMES) {
    try {
      navigator.registerProtocolHandler(scheme, `${location.origin}/phone/?call=%s`);
    } catch {
      continue;
    }
  }
}
