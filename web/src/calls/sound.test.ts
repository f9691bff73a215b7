import { expect, test } from "vitest";
import { levelOf } from "./sound";

test("a level is what one hears of it: silence, speech, as loud as it gets", () => {
  const sine = (peak: number) => new Float32Array(4800).map((_, n) => peak * Math.sin((2 * Math.PI * 440 * n) / 48_000));
  expect(levelOf(new Float32Array(4800))).toBe(0);
  expect(levelOf(sine(0.0001))).toBe(0);
  expect(levelOf(sine(0.1))).toBeCloseTo(0.62, 1);
  expect(levelOf(sine(1))).toBeCloseTo(0.95, 1);
  expect(levelOf(new Float32Array(4800).fill(2))).toBe(1);
});
