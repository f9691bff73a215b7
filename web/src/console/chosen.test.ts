import { expect, test } from "vitest";
import { addressesIn } from "./chosen";

test("addresses are taken as people paste them", () => {
  expect(addressesIn(" a@x.example, b@x.example;\nc@x.example\n\na@x.example ")).toEqual(["a@x.example", "b@x.example", "c@x.example"]);
  expect(addressesIn("  ")).toEqual([]);
});
