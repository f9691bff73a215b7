import { filled, language } from ".";
import { de } from "./console.de";
import { en, type ConsoleKey, type ConsoleMessages } from "./console.en";

export const CONSOLE_LANGUAGES: Readonly<Record<string, ConsoleMessages>> = { en, de };

/** A text of the console, with what stands in braces put in. */
export function t(key: ConsoleKey, values: Readonly<Record<string, string>> = {}): string {
  return filled((CONSOLE_LANGUAGES[language] ?? en)[key], values);
}

/** What the API calls something, as a text where there is one, else as it stands. */
export function named(kind: string, value: string): string {
  const key = `${kind}.${value}`;
  return key in en ? t(key as ConsoleKey) : value;
}
