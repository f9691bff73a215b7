// How a form changes what its page shows: only as long as nobody else has changed it since, and so that it can be
// taken back.

import { told } from "../../api/client";
import { t } from "../../messages/console";
import { GONE, part, takingBack, whatSiteCompares, type Answer, type Undo } from "./undo";
import { written } from "./written";

/** Something with an address of its own. */
export interface Subject<About> {
  /** How it is now. */
  look: () => Promise<Answer<About>>;
  /** What of it forms change. The rest, such as how many have it, may be another than is shown. */
  about: (body: About) => unknown;
}

/** What the page shows is older than what somebody else has written. Nothing was changed. */
export class OutdatedError extends Error {}

type Change<About> = (headers: Record<string, string>) => Promise<Answer<NoInfer<About> | undefined>>;

/**
 * Change or delete it, or make it where `shown` is undefined. Gives how it is then; undefined: it is gone.
 *
 * It is looked at first, for what a page shows often has no tag to send along: a row of a list has none of its own, and
 * that of a range is another one with each number that is given. What was shown is compared here, the tag of this look
 * by the site, so nothing comes between. Raises OutdatedError where somebody else was there before.
 *
 * change: with the headers that have the site compare.
 */
export async function asShown<About>(
  { look, about }: Subject<About>,
  shown: About | undefined,
  change: Change<About>,
): Promise<About | undefined> {
  const now = shown === undefined ? GONE : part(await look(), about);
  if (shown !== undefined && now.state !== written(about(shown))) throw new OutdatedError(t("changedMeanwhile"));
  const answer = await change(whatSiteCompares(now));
  if (answer.response.status === 412) {
    throw new OutdatedError(t(shown === undefined ? "thereAlready" : "changedMeanwhile"));
  }
  return told(answer);
}

/**
 * `asShown`, and what takes that back.
 *
 * `back` is bound to what the change itself made, as its answer says, and not to what somebody else made of it a moment
 * later. It has the headers that let the site compare, too.
 */
export async function changing<About>(
  subject: Subject<About>,
  shown: About | undefined,
  change: Change<About>,
  back: (headers: Record<string, string>) => Promise<unknown>,
): Promise<Undo | undefined> {
  const { look, about } = subject;
  const made = await asShown(subject, shown, change);
  const left = made === undefined ? GONE : { state: written(about(made)) };
  return takingBack(async () => part(await look(), about), back, left);
}
