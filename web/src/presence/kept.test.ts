import { expect, test } from "vitest";
import { addressOf, peopleIn, someoneOf } from "./kept";

test("what a browser had is read, and whatever else stands there is nobody", () => {
  const bob = { aor: "bob@contoso.example", name: "Bob", number: null };
  expect(peopleIn(JSON.stringify([bob, { aor: 5 }, null]))).toEqual([bob]);
  for (const text of [null, "", "{", "{}", "5"]) expect(peopleIn(text)).toEqual([]);
});

test("numbers are called in one's own domain, and stay numbers in the list", () => {
  const own = "alice@contoso.example";
  const desk = someoneOf({ address: "+4930123456", name: "Desk", number: "", groups: [] }, own);
  expect(desk).toEqual({ aor: "+4930123456@contoso.example", name: "Desk", number: "+4930123456" });
  const bob = someoneOf({ address: "bob@there.example", name: "", number: "", groups: [] }, own);
  expect(bob).toEqual({ aor: "bob@there.example", name: "", number: null });
  for (const [{ aor }, address] of [[desk, "+4930123456"], [bob, "bob@there.example"]] as const)
    expect(addressOf(aor, own)).toBe(address);
});
