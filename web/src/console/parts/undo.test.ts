import { expect, test, vi } from "vitest";
import { t } from "../../messages/console";
import type { Seen } from "./undo";

vi.stubGlobal("location", { origin: "https://premises.contoso.example:8443" });
const { ApiError } = await import("../../api/client");
const { GONE, part, takingBack } = await import("./undo");

const answer = <Body>(status: number, data?: Body, etag = '"a"') => ({
  ...(data === undefined ? {} : { data }),
  response: new Response(status === 204 ? null : "{}", { status, headers: { ETag: etag } }),
});

test("a part is known by what it says, with the tag of the whole", () => {
  expect(part(answer(404), (all) => all)).toEqual(GONE);
  expect(part(answer(200, [1, 2]), (all) => all.find((each) => each === 2))).toEqual({ state: "2", tag: '"a"' });
  expect(part(answer(200, [1, 2], 'W/"a"'), (all) => all.find((each) => each === 2))).toEqual({ state: "2" }); // nothing goes by that
  expect(part(answer(200, [1]), (all) => all.find((each) => each === 2))).toEqual(GONE);
  expect(() => part(answer(503), (all) => all)).toThrow();
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

test("what somebody changed in the last moment is told as such, anything else as it is", async () => {
  for (const [status, told] of [[412, t("undoChanged")], [409, "held by somebody"]] as const) {
    const refused = new ApiError(status, { type: "about:blank", title: "", status, detail: "held by somebody", what: "", where: "", do: "" });
    const undo = await takingBack(async () => Promise.resolve({ state: "x", tag: "x" }), () => Promise.reject(refused));
    await expect(undo?.()).rejects.toThrow(told);
  }
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
