import { expect, test } from "vitest";
import { data, emojis } from "./emojis";

test("every emoji has a name, a group that has one, and all skin tones or none, in both languages", async () => {
  for (const [locale, words] of [["en", "Waving hand"], ["de", "Winkende Hand"]] as const) {
    const found = await emojis(locale);
    expect(found.locale).toBe(locale);
    expect(found.emojis.length).toBeGreaterThan(1500);
    const groups = new Set(found.categories.map(({ index }) => index));
    for (const { label, category, skins } of found.emojis) {
      expect(label).not.toBe("");
      expect(groups).toContain(category);
      if (skins) expect(Object.keys(skins).sort()).toEqual(["dark", "light", "medium", "medium-dark", "medium-light"]);
    }
    expect(found.emojis.find(({ emoji }) => emoji === "👋")).toMatchObject({ label: words, skins: { dark: "👋🏿" } });
  }
});

test("a language without names of its own has the English ones", async () => {
  expect((await emojis("ar-XB")).locale).toBe("en");
});

test("what is a part of others alone, and what is too new, is left out", () => {
  const names = {
    groups: [{ key: "component", message: "parts", order: 2 }, { key: "flags", message: "flags", order: 9 }],
    skinTones: [],
  };
  const one = { emoji: "x", label: "x", version: 1, group: 9 };
  const list = [one, { ...one, group: 2 }, { ...one, version: 99 }, { emoji: "y", label: "y", version: 1 }];
  const found = data("en", list, names);
  expect(found.emojis).toEqual([{ emoji: "x", label: "X", version: 1, category: 9, tags: [] }]);
  expect(found.categories).toEqual([{ index: 9, label: "Flags" }]);
});
