import { expect, test } from "vitest";
import type { Message } from "./model";
import { dayText, rowsOf } from "./rows";

const noon = new Date(2026, 4, 20, 12).getTime();
const DAY = 86_400_000;
const message = (id: string, at: number): Message => ({
  id, at: at / 1000, stamp: at, chat: "c", site: "premises", author: "a", text: id, state: "", changed: at, file: null,
});

test("each day begins at the first message of it", () => {
  const all = [message("one", noon - DAY), message("two", noon), message("three", noon + 60_000)];
  expect(rowsOf(all, []).map(({ id, day }) => [id, day])).toEqual([["one", noon - DAY], ["two", noon], ["three", undefined]]);
  expect(rowsOf(all.slice(2), [])[0]?.day).toBe(noon + 60_000);
});

test("what is being sent is the same row as what it becomes, and is there once", () => {
  const waiting = { id: "two", chat: "c", text: "two" };
  expect(rowsOf([message("one", noon)], [waiting]).map(({ id }) => id)).toEqual(["one", "two"]);
  const sent = rowsOf([message("one", noon), message("two", noon)], [waiting]);
  expect(sent.map(({ id, waits }) => [id, waits])).toEqual([["one", undefined], ["two", undefined]]);
});

test("days have names, in the language of the page", () => {
  expect(dayText(noon, noon + 3_600_000, "en")).toBe("Today");
  expect(dayText(noon - DAY, noon, "de")).toBe("Gestern");
  expect(dayText(noon - 2 * DAY, noon, "en")).toBe("Monday, May 18, 2026");
});
