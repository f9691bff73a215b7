// The stretch of a conversation that a page holds: without a gap, each message once, in order. It is extended page by
// page at either end. Pure.

import { before, merged, type Message } from "./model";

/** Where a page of messages goes on, before it or after it: a stamp and a site. */
export type Place = readonly [stamp: number, site: string];

export interface Stretch {
  readonly messages: readonly Message[];
  /** Whether there may be older ones than the first, newer ones than the last. */
  readonly older: boolean;
  readonly newer: boolean;
  /**
   * What was told and does not join what is held. It may be missing in a page that is under way, which was read before
   * it was there, so it is kept until the end is reached that it stands behind.
   */
  readonly aside: readonly Message[];
  /** How often something else took the place of all that was held. */
  readonly turn: number;
}

/** The most that is kept aside: more than can come while a page is under way. */
const MOST_ASIDE = 250;

/** Before anything was brought. */
export const NOTHING: Stretch = { messages: [], older: true, newer: true, aside: [], turn: 0 };

export const placeOf = ({ stamp, site }: Message): Place => [stamp, site];

/** Between what was said up to a message and what came later; each message is on one side of it. */
export const behind = ({ stamp }: Message): Place => [stamp + 1, ""];

function joins({ messages, older, newer }: Stretch, message: Message): boolean {
  const [first, last] = [messages[0], messages.at(-1)];
  if (!first || !last) return !older && !newer;
  if (before(message, first) < 0) return !older;
  return before(message, last) <= 0 || !newer;
}

/** With what was told: what stands within, or at an end of the conversation itself. The rest is kept aside. */
export function withTold(stretch: Stretch, news: readonly Message[]): Stretch {
  const all = merged(stretch.aside, news);
  const held = new Set(stretch.messages.map(({ id }) => id));
  const fits = (message: Message) => held.has(message.id) || joins(stretch, message);
  const aside = all.filter((each) => !fits(each)).slice(-MOST_ASIDE);
  return { ...stretch, messages: merged(stretch.messages, all.filter(fits)), aside };
}

/** With a page that joins it: older or newer say whether there is more beyond the page. */
export function withPage(stretch: Stretch, page: readonly Message[], ends: { older?: boolean; newer?: boolean } = {}): Stretch {
  return withTold({ ...stretch, ...ends, messages: merged(stretch.messages, page) }, []);
}

/**
 * With the newest page, asked for after a while in which nothing was told; whole: it is all there is; last: what was the last
 * before that while. Where more has come than the page holds, what is held ends there (stays), or gives way to the page.
 */
export function caughtUp(stretch: Stretch, page: readonly Message[], whole: boolean, last: Message | undefined, stays: boolean): Stretch {
  const first = page[0];
  if (whole || !first) return withPage(stretch, page, { older: false, newer: false });
  if (last && before(first, last) <= 0) return withPage(stretch, page, { newer: false });
  const early = (message: Message) => last !== undefined && before(message, last) <= 0;
  if (stays && stretch.messages.some(early)) {
    const later = stretch.messages.filter((each) => !early(each));
    return withTold({ ...stretch, messages: stretch.messages.filter(early), newer: true }, later);
  }
  return newest(stretch, page, true);
}

/** The newest page in the place of what was held, but for what came after it was read: where it is empty, all of that. */
export function newest(stretch: Stretch, page: readonly Message[], older: boolean): Stretch {
  const first = page[0];
  const later = first ? stretch.messages.filter((each) => before(first, each) <= 0) : stretch.messages;
  return withTold({ messages: merged(page, later), older, newer: false, aside: stretch.aside, turn: stretch.turn + 1 }, []);
}
