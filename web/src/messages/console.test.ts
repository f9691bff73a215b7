import { expect, test } from "vitest";
import { CONSOLE_LANGUAGES } from "./console";
import { en, type ConsoleKey } from "./console.en";

const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([mark]) => mark).sort();

test.each(Object.keys(CONSOLE_LANGUAGES))("%s has every text of the console, with the same marks in it", (name) => {
  const messages = CONSOLE_LANGUAGES[name];
  expect(Object.keys(messages ?? {}).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(messages ?? {})) {
    expect(text.trim(), key).not.toBe("");
    expect(marks(text), key).toEqual(marks(en[key as ConsoleKey]));
  }
});
