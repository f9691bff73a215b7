import { expect, test } from "vitest";
import { peopleIn } from "./kept";

test("what is stored is read, and whatever else stands there is nobody", () => {
  const bob = { aor: "bob@contoso.example", name: "Bob", number: null };
  expect(peopleIn(JSON.stringify([bob, { aor: 5 }, null]))).toEqual([bob]);
  for (const text of [null, "", "{", "{}", "5"]) expect(peopleIn(text)).toEqual([]);
});
