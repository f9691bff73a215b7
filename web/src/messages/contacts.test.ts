import { expect, test } from "vitest";
import { CONTACTS_LANGUAGES } from "./contacts";
import { en, type ContactsKey } from "./contacts.en";

const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([mark]) => mark).sort();

test.each(Object.keys(CONTACTS_LANGUAGES))("%s has every text, with the same marks in it", (name) => {
  const messages = CONTACTS_LANGUAGES[name];
  expect(Object.keys(messages ?? {}).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(messages ?? {})) {
    expect(text.trim(), key).not.toBe("");
    expect(marks(text), key).toEqual(marks(en[key as ContactsKey]));
  }
});
