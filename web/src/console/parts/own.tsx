import type { ReactNode } from "react";

/** A text as its own letters go: a number keeps its plus in front where the page goes from right to left. */
export const own = (value: ReactNode): ReactNode => (typeof value === "string" ? <bdi>{value}</bdi> : value);
