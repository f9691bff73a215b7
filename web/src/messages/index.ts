import { en, type Key, type Messages } from "./en";

// Each is loaded where it is wanted alone. English is there for whatever another one can't be loaded for.
export const LANGUAGES: Readonly<Record<string, () => Promise<Messages>>> = {
  en: () => Promise.resolve(en),
  de: async () => (await import("./de")).de,
  "ar-XB": async () => (await import("./pseudo")).pseudo,
};

/** Languages that are written from right to left. */
const FROM_THE_RIGHT = ["ar", "fa", "he", "ur"];

/** The first language that the browser's owner wants and we have. */
export function languageOf(wanted: readonly string[]): string {
  const known = wanted.map((each) => (each in LANGUAGES ? each : (each.split("-")[0]?.toLowerCase() ?? "")));
  return known.find((each) => each in LANGUAGES) ?? "en";
}

/** Which way a language is written. */
export function directionOf(name: string): "ltr" | "rtl" {
  return FROM_THE_RIGHT.includes(name.split("-")[0] ?? "") ? "rtl" : "ltr";
}

const CHOSEN = "isthmus.language";

/** What was chosen in this browser comes before what the browser asks for. */
export const language = languageOf(
  typeof localStorage === "undefined" ? [] : [localStorage.getItem(CHOSEN) ?? "", ...navigator.languages],
);

export const direction = directionOf(language);

let messages: Messages = en;

/** Load the texts: before anything is shown. */
export async function loadLanguage(): Promise<void> {
  // Without them the page is still good for calls.
  messages = (await LANGUAGES[language]?.().catch(() => en)) ?? en;
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
}

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
  return filled(messages[key], values);
}
