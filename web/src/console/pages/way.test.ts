import { expect, test } from "vitest";
import { endOf, sourceOf } from "./way";

test("each kind of decision in words", () => {
  expect(endOf({ type: "local", aor: "carol@contoso.example", epoch: 1 }).name).toBe("carol@contoso.example");
  expect(endOf({ type: "dial", trunk: "carrier", number: "+12025550123" }).words).toContain("carrier");
  expect(endOf({ type: "relay", site: "online", aor: "", epoch: 1 }).kind).toBe("relay");
  expect(endOf({ type: "answer", code: 404, reason: "Not Found" })).toMatchObject({ kind: "answer", name: "404 Not Found" });
  expect(endOf(undefined).kind).toBe("answer");
});

test("who handed the call over", () => {
  expect(sourceOf({ source: "peer", via: "premises" })).toContain("premises");
  expect(sourceOf({ source: "trunk", via: "carrier" })).toContain("carrier");
  expect(sourceOf({ source: "phone", via: null })).not.toBe("");
});
