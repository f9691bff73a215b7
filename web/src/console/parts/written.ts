// Values as text, to be compared. Pure.

const sorted = (_: string, each: unknown): unknown =>
  typeof each === "object" && each !== null && !Array.isArray(each)
    ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => a.localeCompare(b)))
    : each;

/** The same text for equal values, in whatever order the parts of an object stand. */
export const written = (value: unknown): string => JSON.stringify(value, sorted);
