import { expect, test } from "vitest";
import type { Message } from "./model";
import { behind, caughtUp, newest, NOTHING, withPage, withTold, type Stretch } from "./window";

const message = (stamp: number, more: Partial<Message> = {}): Message => ({
  id: String(stamp), stamp, chat: "c", site: "premises", author: "a", at: stamp, text: "", state: "", changed: stamp, file: null, ...more,
});
const all = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => message(first + index));
const held = ({ messages }: Stretch) => messages.map(({ stamp }) => stamp);
const amid: Stretch = withPage(NOTHING, all(10, 20));

test("what is told amid a conversation joins where it stands, or waits until that is reached", () => {
  const told = withTold(amid, [message(5), message(15, { id: "late", site: "z" }), message(30)]);
  expect(held(told)).toEqual([10, 11, 12, 13, 14, 15, 15, 16, 17, 18, 19, 20]);
  expect(told.aside.map(({ stamp }) => stamp)).toEqual([5, 30]);
  const later = withPage(told, all(21, 29), { newer: false });
  expect(held(later).at(-1)).toBe(30);
  expect(later.aside.map(({ stamp }) => stamp)).toEqual([5]);
  expect(held(withPage(later, all(1, 4), { older: false })).slice(0, 6)).toEqual([1, 2, 3, 4, 5, 10]);
});

test("what is told before anything was brought is there with it", () => {
  const told = withTold(NOTHING, [message(3)]);
  expect(held(told)).toEqual([]);
  expect(held(withPage(told, all(1, 2), { older: false, newer: false }))).toEqual([1, 2, 3]);
  expect(held(withPage(told, [], { older: false, newer: false }))).toEqual([3]);
});

test("a change of what is held is shown, wherever it ends", () => {
  const told = withTold(amid, [message(12, { text: "twelve", changed: 99 })]);
  expect(told.messages.find(({ stamp }) => stamp === 12)?.text).toBe("twelve");
});

test("after a while away it goes on where the newest page reaches back to it", () => {
  const end = withPage(NOTHING, all(10, 20), { newer: false });
  expect(held(caughtUp(end, all(15, 30), false, message(20), true))).toEqual(all(10, 30).map(({ stamp }) => stamp));
  expect(held(caughtUp(end, all(10, 12), true, message(20), false))).toEqual(held(end));
});

test("after a long while away one stays where one reads, or is at the newest", () => {
  const end = withTold(withPage(NOTHING, all(10, 20), { newer: false }), [message(51)]); // told while the page was asked for
  const stays = caughtUp(end, all(40, 50), false, message(20), true);
  expect([held(stays).at(-1), stays.newer]).toEqual([20, true]);
  expect(held(withPage(stays, all(21, 50), { newer: false })).at(-1)).toBe(51);
  const goes = caughtUp(end, all(40, 50), false, message(20), false);
  expect(held(goes)).toEqual(all(40, 51).map(({ stamp }) => stamp));
  expect([goes.older, goes.newer]).toEqual([true, false]);
});

test("the newest page takes the place of what was held", () => {
  const now = newest(withTold(amid, [message(52)]), all(40, 51), true);
  expect(held(now)).toEqual(all(40, 52).map(({ stamp }) => stamp));
});

test("the two pages around a message have each other one once", () => {
  expect(behind(message(7, { site: "premises" }))).toEqual([8, ""]);
});

test("what is kept aside has a limit", () => {
  expect(withTold(amid, all(1000, 2000)).aside).toHaveLength(250);
});
