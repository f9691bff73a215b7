import { describe, expect, test } from "vitest";
import { backTo, bodyFor, bodyOf, groupsOf, months, NEW, optionsOf, typedOf, wordsFor } from "./plans";

const PLAN = {
  home: ["US", "CA"], domestic: null, international: 60, pooled: true, when_spent: "credit" as const, increment_s: 6, most: 20,
  groups: [{ name: "europe", countries: ["FR", "GB"], minutes: 500 }, { name: "far", countries: ["NZ"], minutes: null }],
};

describe("a plan as it is typed", () => {
  test("says the same as the plan", () => {
    expect(typedOf(PLAN).groups).toBe("europe=FR,GB:500\nfar=NZ:unlimited");
    expect(bodyOf(typedOf(PLAN))).toEqual(PLAN);
  });
  test("has groups one a line, however they are spaced, and leaves what is none to the site to refuse", () => {
    expect(groupsOf(" near = FR, GB : 5 \n\n")).toEqual([{ name: "near", countries: ["FR", "GB"], minutes: 5 }]);
    expect(groupsOf("nonsense")).toEqual([{ name: "nonsense", countries: [], minutes: 0 }]);
  });
  test("is without limit only by the word", () => {
    expect(bodyOf({ ...NEW, domestic: " Unlimited ", international: "" })).toMatchObject({ domestic: null, international: 0, most: null });
  });
});

describe("on the command line", () => {
  test("a new plan says what is not so by itself", () => {
    expect(optionsOf({ ...NEW, home: "US CA", domestic: "3000" })).toEqual({ home: ["US", "CA"], domestic: "3000" });
  });
  test("a changed one says what is different, also what is taken away", () => {
    const were = typedOf(PLAN);
    expect(optionsOf(were, were)).toEqual({});
    expect(optionsOf({ ...were, groups: "", pooled: "", most: "" }, were)).toEqual({ group: ["none"], each: true, most: "any" });
  });
  test("groups and licences have a rank, people have none", () => {
    expect(wordsFor({ kind: "person", name: "a@x.example" }, "5")).toEqual([["a@x.example"], {}]);
    expect(wordsFor({ kind: "group", name: "sales" }, "5")).toEqual([[], { group: "sales", rank: "5" }]);
    expect(bodyFor({ kind: "licence", name: "lines" })).toEqual({ people: [], groups: [], licences: ["lines"] });
  });
});

test("months go back over the year, the present one first", () => {
  expect(months(new Date("2026-02-03T00:00:00Z"), 3)).toEqual(["2026-02", "2026-01", "2025-12"]);
});

test("what somebody had by a group comes back by itself", () => {
  expect(backTo({ plan: "eu", byOther: false, rank: 0 })).toBe("eu");
  expect(backTo({ plan: "eu", byOther: true, rank: 0 })).toBe("");
  expect(backTo({ plan: null, byOther: false, rank: 0 })).toBe("");
});
