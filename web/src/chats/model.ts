// Conversations as the page holds them. Pure; src/isthmus/messaging/model.py says what these values mean.

export interface Person {
  id: string;
  aor: string;
  name: string;
}

export interface SentFile {
  name: string;
  size: number;
  type: string;
}

export interface Message {
  id: string;
  chat: string;
  site: string;
  stamp: number;
  author: string;
  /** Seconds since 1970. */
  at: number;
  text: string;
  state: "" | "edited" | "deleted";
  changed: number;
  file: SentFile | null;
}

export interface Mark {
  chat: string;
  person: string;
  kind: "read" | "delivered";
  site: string;
  stamp: number;
}

export interface ChatSummary {
  id: string;
  kind: "pair" | "group";
  title: string;
  at: number;
  unread: number;
  last: Message | null;
  members: Person[];
  size: number;
}

export interface ChatInfo {
  id: string;
  kind: "pair" | "group";
  title: string;
  members: Person[];
  /** Id of who may remove others from a group. */
  owner: string;
  marks: Mark[];
  unread: number;
}

/** The most that a message may have, in bytes of UTF-8. */
export const MOST_TEXT = 8 * 1024;

/** The order of a conversation, the same for everybody: negative where the one stands before the other. */
export const before = (one: Message, other: Message): number =>
  one.stamp - other.stamp || (one.site < other.site ? -1 : Number(one.site > other.site));

/** All of them once, each in its latest version, in the order that is the same for everybody. */
export function merged(known: readonly Message[], news: readonly Message[]): Message[] {
  const all = new Map(known.map((message) => [message.id, message]));
  for (const message of news) {
    const present = all.get(message.id);
    if (!present || message.changed >= present.changed) all.set(message.id, message);
  }
  return [...all.values()].sort(before);
}

/** All marks once, each as far as it goes. */
export function withMark(marks: readonly Mark[], news: Mark): Mark[] {
  const same = (mark: Mark) => mark.person === news.person && mark.kind === news.kind && mark.site === news.site;
  const present = marks.find(same);
  if (present && present.stamp >= news.stamp) return [...marks];
  return [...marks.filter((mark) => !same(mark)), news];
}

/** How far these messages go, by the site that they came in at. */
export function upTo(messages: readonly Message[]): Record<string, number> {
  const heads: Record<string, number> = {};
  for (const { site, stamp } of messages) heads[site] = Math.max(heads[site] ?? 0, stamp);
  return heads;
}

export type Reach = "sent" | "delivered" | "read";

/** How far a message has got with all the others. */
export function reachOf(message: Message, marks: readonly Mark[], others: readonly string[]): Reach {
  const reached = (kind: Mark["kind"]) => (person: string) =>
    marks.some(
      (mark) =>
        mark.person === person && mark.kind === kind && mark.site === message.site && mark.stamp >= message.stamp,
    );
  const read = reached("read");
  const delivered = reached("delivered");
  if (others.length === 0) return "sent";
  if (others.every(read)) return "read";
  return others.every((person) => read(person) || delivered(person)) ? "delivered" : "sent";
}

/** What a conversation is called for somebody. */
export function titleOf(chat: { kind: string; title: string; members: readonly Person[] }, own: string): string {
  if (chat.kind === "group") return chat.title;
  const other = chat.members.find(({ aor }) => aor !== own);
  return other ? other.name || other.aor : "—";
}

export interface Piece {
  text: string;
  /** Set where it is a link. */
  href?: string;
}

const LINK = /https?:\/\/[^\s<>"'`\u202a-\u202e\u2066-\u2069]+/giu;
const TRAILING = /[.,;:!?)\]}»”]+$/u;

/** A text with its web addresses found. They are shown as what they are, so nothing hides where one leads. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(TRAILING, "");
    let href: string;
    try {
      const url = new URL(address);
      if (url.username || url.password) continue;
      href = url.href;
    } catch {
      continue;
    }
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: address, href });
    from = match.index + address.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** A size for people. */
export function sizeText(bytes: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte"] as const;
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < 2) {
    size /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(language, {
    style: "unit", unit: units[unit] ?? "byte", unitDisplay: "short", maximumFractionDigits: 1,
  }).format(size);
}

/** A text with something put in place of what is selected in it, and where one goes on writing. */
export function inserted(text: string, start: number, end: number, what: string): [string, number] {
  return [text.slice(0, start) + what + text.slice(end), start + what.length];
}
