import { expect, test } from "vitest";
import { EMPTY, toneOf, whyOf, withCall, withoutCall, type Call, type Stage } from "./model";

const call = (id: string, stage: Stage, held = false): Call => ({
  id, stage, held, uri: "sip:bob@contoso.example", name: "", muted: false,
});

test("a call is put in once, and replaced then", () => {
  const first = withCall(EMPTY, call("a", "calling"));
  const second = withCall(withCall(first, call("b", "incoming")), call("a", "talking"));
  expect(second.calls.map((each) => [each.id, each.stage])).toEqual([["a", "talking"], ["b", "incoming"]]);
  expect(withoutCall(second, "a").calls.map((each) => each.id)).toEqual(["b"]);
  expect(EMPTY.calls).toEqual([]);
});

test("nobody who talks hears it ring", () => {
  expect(toneOf([call("a", "incoming")])).toBe("ring");
  expect(toneOf([call("a", "ringing")])).toBe("ringback");
  expect(toneOf([call("a", "talking"), call("b", "incoming")])).toBeUndefined();
  expect(toneOf([call("a", "talking", true), call("b", "incoming")])).toBe("ring");
  expect(toneOf([call("a", "over")])).toBeUndefined();
});

test.each([[486, "busy"], [603, "declined"], [404, "unknown"], [480, "absent"], [503, "failed"], [487, undefined]])(
  "%s means %s",
  (code, why) => {
    expect(whyOf(code)).toBe(why);
  },
);
