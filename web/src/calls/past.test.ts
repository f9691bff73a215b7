import { expect, test } from "vitest";
import { pastCalls, type Leg } from "./past";

const leg = (call_id: string, caller: string, callee: string, began: number, answered: number | null): Leg => ({
  call_id, caller, callee, began, answered,
});

test("legs of one call are one entry, the newest first", () => {
  const legs = [
    leg("a", "alice@contoso.example", "bob@contoso.example", 10, 11),
    leg("a", "alice@contoso.example", "bob@contoso.example", 10, null),
    leg("b", "carol@contoso.example", "alice@contoso.example", 30, null),
    leg("c", "+14255550101", "alice@contoso.example", 20, null),
    leg("c", "+14255550101", "alice@contoso.example", 20, 21),
  ];
  const past = pastCalls(legs, "alice@contoso.example");
  expect(past.map(({ id, other, kind }) => [id, other, kind])).toEqual([
    ["b", "carol@contoso.example", "missed"],
    ["c", "+14255550101", "incoming"],
    ["a", "bob@contoso.example", "outgoing"],
  ]);
});
