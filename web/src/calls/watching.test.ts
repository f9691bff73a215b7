import { expect, test } from "vitest";
import { SILENT_MS, Watch } from "./watching";

test("a call that falls silent is seen once, and again only while there is no way at all", () => {
  const watch = new Watch();
  expect(watch.seen(50, true, 0)).toBe(false);
  expect(watch.seen(100, true, 1000)).toBe(false);
  expect(watch.seen(100, true, 1000 + SILENT_MS - 1)).toBe(false);
  expect(watch.seen(100, true, 1000 + SILENT_MS)).toBe(true);
  expect(watch.seen(100, true, 60_000)).toBe(false);
  expect(watch.seen(100, false, 61_000)).toBe(true);
  expect(watch.seen(100, false, 62_000)).toBe(false);
  expect(watch.seen(150, true, 63_000)).toBe(false);
  expect(watch.seen(150, true, 63_000 + SILENT_MS)).toBe(true);
});

test("nothing is done where nothing was ever heard, or nothing is due", () => {
  const watch = new Watch();
  expect(watch.seen(0, true, 0)).toBe(false);
  expect(watch.seen(0, true, 60_000)).toBe(false);
  expect(watch.seen(100, true, 61_000)).toBe(false);
  expect(watch.seen(undefined, true, 90_000)).toBe(false);
  expect(watch.seen(undefined, true, 99_000)).toBe(false);
  expect(watch.seen(100, true, 99_500)).toBe(false);
});
