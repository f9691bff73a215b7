// Mean opinion scores in the bands that people have words for (ITU-T P.800: 5 excellent, 1 bad). Pure.

import { t } from "../../messages/console";

export interface Band {
  title: string;
  color: string;
  calls: number;
}

/** How many of the scores are in each band, the best first; null is a call that was not measured. */
export function bandsOf(scores: readonly (number | null)[]): Band[] {
  const bands = [
    { from: 4, title: t("mosGood"), color: "#107c10" },
    { from: 3.5, title: t("mosFair"), color: "#0f6cbd" },
    { from: 3, title: t("mosPoor"), color: "#c19c00" },
    { from: 0, title: t("mosBad"), color: "#c50f1f" },
  ];
  return bands.map(({ from, title, color }, place) => {
    const to = bands[place - 1]?.from ?? Infinity;
    return { title, color, calls: scores.filter((score) => score !== null && score >= from && score < to).length };
  });
}
