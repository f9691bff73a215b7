import { expect, test } from "vitest";
import { FINDINGS } from "../calls/findings";
import { DIAGNOSIS_LANGUAGES, named } from "./diagnosis";
import { en, type DiagnosisKey } from "./diagnosis.en";

const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([mark]) => mark).sort();

test.each(Object.keys(DIAGNOSIS_LANGUAGES))("%s has every text, with the same marks in it", (name) => {
  const messages = DIAGNOSIS_LANGUAGES[name];
  expect(Object.keys(messages ?? {}).sort()).toEqual(Object.keys(en).sort());
  for (const [key, text] of Object.entries(messages ?? {})) {
    expect(text.trim(), key).not.toBe("");
    expect(marks(text), key).toEqual(marks(en[key as DiagnosisKey]));
  }
});

test("every finding is told in words; what has none is told as it stands", () => {
  for (const each of FINDINGS) expect(named("finding", each)).not.toBe(each);
  expect(named("kind", "unheard-of")).toBe("unheard-of");
});
