import { expect, test } from "vitest";
import { stepsBack, type Held } from "./owning";

const NUMBER = "+14255550101", OTHER = "+14255550199", ME = "account:ada", ANN = "ann@contoso.example", BEA = "bea@contoso.example";

const free: Held = { number: NUMBER, state: "free", owner: "", kept: "" };
const kept = (by: string): Held => ({ ...free, state: "reserved", kept: by });
const of = (owner: string): Held => ({ ...free, state: "assigned", owner });

test("what was free is released", () => {
  expect(stepsBack(free, kept(ME), ME)).toEqual([{ do: "release", number: NUMBER }]);
  expect(stepsBack(free, of(ANN), ME)).toEqual([{ do: "release", number: NUMBER }]);
});

test("what was released is its owner's again", () => {
  expect(stepsBack(of("service:desk"), free, ME)).toEqual([{ do: "assign", number: NUMBER, owner: "service:desk", replace: false }]);
});

test("what was passed on goes back in one step", () => {
  expect(stepsBack(of(ANN), of(BEA), ME)).toEqual([{ do: "transfer", number: NUMBER, owner: ANN, replace: false }]);
});

test("who had another number gets that one again, and this one is free by it", () => {
  const again = { do: "assign", number: OTHER, owner: BEA, replace: true };
  expect(stepsBack(free, of(BEA), ME, OTHER)).toEqual([again]);
  expect(stepsBack(of(ANN), of(BEA), ME, OTHER)).toEqual([again, { do: "assign", number: NUMBER, owner: ANN, replace: false }]);
});

test("one's own reservation is made again, and nobody else's", () => {
  const reserve = { do: "reserve", number: NUMBER };
  expect(stepsBack(kept(ME), free, ME)).toEqual([reserve]);
  expect(stepsBack(kept(ME), of(ANN), ME)).toEqual([{ do: "release", number: NUMBER }, reserve]);
  expect(stepsBack(kept("account:lea"), free, ME)).toBeUndefined();
});
