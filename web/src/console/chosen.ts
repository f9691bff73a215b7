// Whom somebody has chosen in a list, for the page that does something with them. Kept in this tab.

const KEPT = "isthmus.chosen";

export function keepChosen(aors: readonly string[]): void {
  sessionStorage.setItem(KEPT, aors.join("\n"));
}

export function chosen(): string[] {
  return (sessionStorage.getItem(KEPT) ?? "").split("\n").filter((each) => each !== "");
}

/** Addresses in a text: one a line, or separated by commas, semicolons or spaces; none twice. */
export function addressesIn(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((each) => each !== ""))];
}
