import { expect, test, vi } from "vitest";
import type { Seen } from "./undo";

vi.stubGlobal("location", { origin: "https://premises.contoso.example:8443" });
const { GONE, part, takingBack, whole } = await import("./undo");

const answer = <Body>(status: number, data?: Body, etag = '"a"') => ({
  ...(data === undefined ? {} : { data }),
  response: new Response(status === 204 ? null : "{}", { status, headers: { ETag: etag } }),
});

test("what has an address is known by its tag, a part by what it says", () => {
  expect(whole(answer(200, {}))).toEqual({ state: '"a"', tag: '"a"' });
  expect(whole(answer(404))).toEqual(GONE);
  expect(part(answer(200, [1, 2]), (all) => all.find((each) => each === 2))).toEqual({ state: "2", tag: '"a"' });
  expect(part(answer(200, [1, 2], 'W/"a"'), (all) => all.find((each) => each === 2))).toEqual({ state: "2" }); // nothing goes by that
  expect(part(answer(200, [1]), (all) => all.find((each) => each === 2))).toEqual(GONE);
  expect(() => whole(answer(503))).toThrow();
});

test("what nobody changed is put back, and the site compares too", async () => {
  const back = vi.fn(async (headers: Record<string, string>) => Promise.resolve(headers));
  const undo = await takingBack(async () => Promise.resolve({ state: "x", tag: "x" }), back);
  await undo?.();
  expect(back).toHaveBeenCalledWith({ "If-Match": "x" });
});

test("what somebody changed meanwhile stays", async () => {
  let now: Seen = { state: "x" };
  const back = vi.fn(async () => Promise.resolve());
  const undo = await takingBack(async () => Promise.resolve(now), back);
  now = { state: "y" };
  await expect(undo?.()).rejects.toThrow();
  expect(back).not.toHaveBeenCalled();
});

test("what was deleted is made anew, unless there is one again", async () => {
  let now: Seen = GONE;
  const back = vi.fn(async (headers: Record<string, string>) => Promise.resolve(headers));
  const undo = await takingBack(async () => Promise.resolve(now), back);
  await undo?.();
  expect(back).toHaveBeenCalledWith({ "If-None-Match": "*" });
  now = { state: '"b"', tag: '"b"' };
  await expect(undo?.()).rejects.toThrow();
});

test("nothing is offered where somebody else was as quick", async () => {
  expect(await takingBack(async () => Promise.resolve({ state: "x" }), async () => Promise.resolve(), { state: "y" })).toBeUndefined();
});
