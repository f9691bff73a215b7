import { describe, expect, test } from "vitest";
import type { Direction, Figures } from "./figures";
import { findingsOf, isUrgent, type Own } from "./findings";

const OWN: Own = { muted: false, held: false, remoteHeld: false, ended: false, connected: true };
const WELL: Direction = { packets: 500, lossPercent: 0, jitterMs: 2, level: 0.1 };
const figures = (changes: Partial<Figures> = {}): Figures => ({
  seconds: 10, sent: WELL, received: WELL, roundTripMs: 20, mos: 4.4, codec: "opus",
  path: { local: "host", remote: "host", protocol: "udp" }, ...changes,
});

test("a call that is well", () => {
  expect(findingsOf(figures(), OWN)).toEqual([]);
});

describe("whose end it is", () => {
  const silent = { ...WELL, level: 0 };
  const nothing = { ...WELL, packets: 0, level: undefined };
  test.each([
    ["one's own microphone is muted", {}, { muted: true }, ["muted"]],
    ["muted and silent is muted alone", { sent: silent }, { muted: true }, ["muted"]],
    ["it was unplugged", { sent: silent }, { ended: true }, ["microphoneEnded"]],
    ["it hears nothing", { sent: silent }, {}, ["microphoneSilent"]],
    ["nothing leaves", { sent: nothing }, {}, ["nothingSent"]],
    ["nothing comes", { received: nothing }, {}, ["nothingReceived"]],
    ["the other end sends silence", { received: silent }, {}, ["remoteSilent"]],
    ["both ways are dead", { sent: nothing, received: nothing }, {}, ["nothingSent", "nothingReceived"]],
    ["media found no way", { sent: nothing, received: nothing }, { connected: false }, ["noWay"]],
    ["on hold nothing is wrong", { sent: nothing, received: nothing }, { held: true }, []],
    ["held by the other end", { sent: nothing, received: nothing }, { remoteHeld: true }, []],
    ["the first moment", { seconds: 1, sent: nothing, received: nothing }, {}, []],
    ["a pause of a moment", { seconds: 2, sent: silent, received: silent }, {}, []],
    ["a browser that does not tell levels", { sent: { ...WELL, level: undefined }, received: { ...WELL, level: undefined } }, {}, []],
  ] as const)("%s", (_, changes, own, wanted) => {
    expect(findingsOf(figures(changes), { ...OWN, ...own })).toEqual(wanted);
  });
});

test("what spoils a call", () => {
  const bad = figures({
    sent: { ...WELL, lossPercent: 5 }, received: { ...WELL, lossPercent: 5, jitterMs: 60 }, roundTripMs: 500,
    path: { local: "relay", remote: "host", protocol: "tls" },
  });
  expect(findingsOf(bad, OWN)).toEqual(["lossIn", "lossOut", "jitter", "delay", "relayedByTcp"]);
  expect(findingsOf(bad, OWN).some(isUrgent)).toBe(false);
});

test("silence is urgent, but for one's own wish", () => {
  expect(isUrgent("nothingReceived")).toBe(true);
  expect(isUrgent("microphoneSilent")).toBe(true);
  expect(isUrgent("muted")).toBe(false);
});
