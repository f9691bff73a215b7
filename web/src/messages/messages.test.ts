import { expect, test } from "vitest";
import { directionOf, filled, LANGUAGES, languageOf } from "./index";
import { en, type Key } from "./en";

const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([mark]) => mark).sort();

test.each(Object.entries(LANGUAGES))("%s has every text, with the same marks in it", async (_, load) => {
  const messages = await load();
  expect(Object.keys(messages).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(messages)) {
    expect(text.trim(), key).not.toBe("");
    expect(marks(text), key).toEqual(marks(en[key as Key]));
  }
});

test("the language is the first that is wanted and there", () => {
  expect(languageOf(["fr-FR", "de-AT", "en"])).toBe("de");
  expect(languageOf(["fr"])).toBe("en");
  expect(languageOf(["ar-XB", "de"])).toBe("ar-XB");
});

test("languages are written from the left or the right", () => {
  expect(directionOf("de")).toBe("ltr");
  expect(directionOf("ar-XB")).toBe("rtl");
});

test("what is put in is text, whatever is in it", () => {
  expect(filled("{a} and {b}", { a: "{b}", b: "$&" })).toBe("{b} and $&");
});
