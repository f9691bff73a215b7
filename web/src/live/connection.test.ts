import { describe, expect, it } from "vitest";
import { pause } from "./connection";

describe("the pause before the next try", () => {
  it("grows, and has an end", () => {
    expect([0, 1, 2, 3].map((failures) => pause(failures, 1))).toEqual([500, 1000, 2000, 4000]);
    expect(pause(50, 1)).toBe(30_000);
  });

  it("is another one for each tab, and never none", () => {
    expect(pause(3, 0)).toBe(2000);
    expect(pause(3, 0.5)).toBe(3000);
  });
});
