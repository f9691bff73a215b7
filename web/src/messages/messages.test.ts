import { expect, test } from "vitest";
import { filled, LANGUAGES, languageOf } from "./index";
import { en, type Key } from "./en";

const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([mark]) => mark).sort();

test.each(Object.keys(LANGUAGES))("%s has every text, with the same marks in it", (name) => {
  const messages = LANGUAGES[name];
  expect(Object.keys(messages ?? {}).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(messages ?? {})) {
    expect(text.trim(), key).not.toBe("");
    expect(marks(text), key).toEqual(marks(en[key as Key]));
  }
});

test("the language is the first that is wanted and there", () => {
  expect(languageOf(["fr-FR", "de-AT", "en"])).toBe("de");
  expect(languageOf(["fr"])).toBe("en");
});

test("what is put in is text, whatever is in it", () => {
  expect(filled("{a} and {b}", { a: "{b}", b: "$&" })).toBe("{b} and $&");
});
