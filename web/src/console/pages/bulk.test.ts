import { expect, test } from "vitest";
import { changesNothing, changesPerson, chunks, differences, inverse, namesIn, type Wanted } from "./bulk";

const ANN = {
  aor: "ann@contoso.example", tenant: "main", display_name: "Ann", number: null, home: "premises", home_epoch: 1, enabled: true,
  groups: ["sales", "all"], id: "1", barred: [],
};
const NOTHING: Wanted = { enabled: "", addGroups: [], removeGroups: [], kind: "", policy: "", place: "" };
const told = (enabled: boolean) => (enabled ? "on" : "off");

test("people are asked for some at a time, and all of them", () => {
  expect(chunks([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(chunks([], 2)).toEqual([]);
});

test("only what is different is shown, and put back", () => {
  const after = { ...ANN, enabled: false, groups: ["all", "sales"] };
  expect(differences(ANN, after, told)).toEqual([{ what: "state", before: "on", after: "off" }]);
  expect(inverse(ANN, after)).toEqual({ enabled: true });
  expect(inverse(ANN, { ...ANN, groups: ["night"] })).toEqual({ groups: ["sales", "all"] });
  expect(differences(null, null, told)).toEqual([]);
});

test("what is left as it is changes nothing", () => {
  expect(changesNothing(NOTHING)).toBe(true);
  expect(changesNothing({ ...NOTHING, place: "hq" })).toBe(false);
  expect(changesPerson({ ...NOTHING, place: "hq" })).toBe(false);
  expect(changesPerson({ ...NOTHING, addGroups: ["night"] })).toBe(true);
});

test("names are given once", () => {
  expect(namesIn(" night, sales ,night,")).toEqual(["night", "sales"]);
});
