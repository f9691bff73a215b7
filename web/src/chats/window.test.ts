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

test("what is written first of all stays where a page that was read before it comes behind it", () => {
  const opened = caughtUp(NOTHING, [], true, undefined, false);
  const written = withTold(opened, [message(1)]);
  expect(held(newest(written, [], false))).toEqual([1]);
});

test("the two pages around a message have each other one once", () => {
  expect(behind(message(7, { site: "premises" }))).toEqual([8, ""]);
});

test("what is kept aside has a limit", () => {
  expect(withTold(amid, all(1000, 2000)).aside).toHaveLength(250);
});

/** Numbers below a limit, the same for the same seed (mulberry32). */
function below(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

test("however pages and news come, all is there once and in order when both ends are reached", () => {
  const PAGE = 4;
  for (let seed = 1; seed <= 300; seed++) {
    const random = below(seed);
    const said = all(1, 40);
    let stretch = NOTHING;
    // A message is told after a page was read that lacks it, and before that page comes.
    const come = () => {
      const late = random(3) === 0;
      const stamp = late ? 1 + random(said.length) : (said.at(-1)?.stamp ?? 0) + 1;
      const news = message(stamp, { id: `${String(seed)} ${String(said.length)}`, site: late ? "z" + String(said.length) : "premises" });
      said.push(news);
      said.sort((one, other) => one.stamp - other.stamp || (one.site < other.site ? -1 : 1));
      stretch = withTold(stretch, [news]);
    };
    const at = said[random(said.length)] ?? message(1);
    const [early, late] = [said.filter(({ stamp }) => stamp <= at.stamp).slice(-PAGE), said.filter(({ stamp }) => stamp > at.stamp).slice(0, PAGE)];
    if (random(2) === 0) come();
    stretch = withPage(stretch, [...early, ...late], { older: early.length === PAGE, newer: late.length === PAGE });
    for (let step = 0; stretch.older || stretch.newer || step < 20; step++) {
      const [first, last] = [stretch.messages[0], stretch.messages.at(-1)];
      if (!first || !last) throw new Error("nothing is held");
      const what = random(4);
      if (what === 0 && step < 40) {
        come();
      } else if (what === 1 && stretch.older) {
        const page = said.slice(0, said.findIndex(({ id }) => id === first.id)).slice(-PAGE);
        if (random(2) === 0) come();
        stretch = withPage(stretch, page, { older: page.length === PAGE });
      } else if (what === 2 && stretch.newer) {
        const page = said.slice(said.findIndex(({ id }) => id === last.id) + 1).slice(0, PAGE);
        if (random(2) === 0) come();
        stretch = withPage(stretch, page, { newer: page.length === PAGE });
      } else if (what === 3 && step === 10) {
        const page = said.slice(-PAGE);
        come();
        stretch = newest(stretch, page, true);
      }
    }
    expect(stretch.messages.map(({ id }) => id)).toEqual(said.map(({ id }) => id));
  }
});
