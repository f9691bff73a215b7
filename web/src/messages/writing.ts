// Which way what is typed is written. It begins where the page's own lines do, whichever way it goes.

import { direction } from ".";

const style = { textAlign: direction === "rtl" ? "right" : "left" } as const;

/** For addresses, numbers, and names that machines know: from left to right in every language. */
export const LTR = { dir: "ltr", input: { style } } as const;

/** For words, and for what may be words or a number: as its first letter goes, as the page where there is none. */
export const WORDS = { dir: "auto", input: { style } } as const;

/** The same for fields of more than one line. */
export const LTR_LINES = { dir: "ltr", textarea: { style } } as const;
export const WORDS_LINES = { dir: "auto", textarea: { style } } as const;
