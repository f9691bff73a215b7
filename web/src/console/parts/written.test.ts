import { expect, test } from "vitest";
import { written } from "./written";

test("parts of an object stand in any order, those of a list do not", () => {
  expect(written({ a: 1, b: { d: [1, 2], c: null } })).toBe(written({ b: { c: null, d: [1, 2] }, a: 1 }));
  expect(written([1, 2])).not.toBe(written([2, 1]));
});
