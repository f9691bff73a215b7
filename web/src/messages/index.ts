import { de } from "./de";
import { en, type Key, type Messages } from "./en";

export const LANGUAGES: Readonly<Record<string, Messages>> = { en, de };

/** The first language that the browser's owner wants and we have. */
export function languageOf(wanted: readonly string[]): string {
  const known = wanted.map((each) => each.split("-")[0]?.toLowerCase() ?? "").find((each) => each in LANGUAGES);
  return known ?? "en";
}

const CHOSEN = "isthmus.language";

/** What was chosen in this browser comes before what the browser asks for. */
export const language = languageOf(
  typeof localStorage === "undefined" ? [] : [localStorage.getItem(CHOSEN) ?? "", ...navigator.languages],
);

/** Show everything in that language, from now on and in this browser. */
export function chooseLanguage(name: string): void {
  localStorage.setItem(CHOSEN, name);
  location.reload();
}

/** The text, with what stands in braces put in. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (mark, name: string) => values[name] ?? mark);
}

export function say(key: Key, values: Readonly<Record<string, string>> = {}): string {
  return filled((LANGUAGES[language] ?? en)[key], values);
}
