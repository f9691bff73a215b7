import { expect, test } from "vitest";
import type { Call, Stage } from "./model";
import { callFor, shortcutOf } from "./shortcuts";

const call = (id: string, stage: Stage, held = false): Call => ({
  id, uri: `sip:${id}@contoso.example`, name: "", stage, muted: false, held,
});
const key = (code: string, more = {}) => ({
  code, altKey: true, ctrlKey: false, metaKey: false, repeat: false, ...more,
});

test("keys stand for something with Alt alone, and once", () => {
  expect(shortcutOf(key("KeyM"))).toBe("mute");
  expect(shortcutOf(key("KeyM", { altKey: false }))).toBeUndefined();
  expect(shortcutOf(key("KeyM", { ctrlKey: true }))).toBeUndefined();
  expect(shortcutOf(key("KeyM", { repeat: true }))).toBeUndefined();
  expect(shortcutOf(key("KeyQ"))).toBeUndefined();
});

test("they are for whoever rings, then for whom one talks to", () => {
  const [held, present, rings] = [call("held", "talking", true), call("present", "talking"), call("rings", "incoming")];
  expect(callFor("answer", [held, present, rings])).toBe(rings);
  expect(callFor("hangUp", [held, present, rings])).toBe(rings);
  expect(callFor("hangUp", [held, present])).toBe(present);
  expect(callFor("hangUp", [held, call("dialled", "ringing")])?.id).toBe("dialled");
  expect(callFor("hold", [held, present])).toBe(present);
  expect(callFor("hold", [held])).toBe(held);
  expect(callFor("mute", [held])).toBeUndefined();
  expect(callFor("search", [present])).toBeUndefined();
});
