import { describe, expect, it } from "vitest";
import { Pacer } from "./pacing";

/** A browser whose frames come when they are told to, and whose page takes so long to show one change. */
function page(costMs: number) {
  const frames: (() => void)[] = [];
  const told: string[] = [];
  let now = 0;
  const pacer = new Pacer({
    tell: (name) => { told.push(name); now += costMs; },
    frame: (work) => frames.push(work),
    now: () => now,
  });
  const frame = async () => {
    const before = told.length;
    frames.shift()?.();
    await Promise.resolve();
    return told.length - before;
  };
  return { pacer, told, frames, frame };
}

const people = Array.from({ length: 1000 }, (_, at) => `p${String(at)}`);

describe("many changes at once", () => {
  it("are told a few in a frame, as many as there is time for", async () => {
    const slow = page(1);
    people.forEach(slow.pacer.add);
    const counts: number[] = [];
    while (slow.frames.length > 0) counts.push(await slow.frame());
    expect(counts.slice(3, -1).every((count) => count <= 6)).toBe(true);
    expect(slow.told).toEqual(people);
  });

  it("are told by the hundred where that is quick", async () => {
    const quick = page(0.01);
    people.forEach(quick.pacer.add);
    let frames = 0;
    for (; quick.frames.length > 0; frames++) await quick.frame();
    expect(frames).toBeLessThan(8);
    expect(quick.told).toEqual(people);
  });

  it("of one person are one, and none is lost that comes meanwhile", async () => {
    const one = page(0);
    one.pacer.add("ann");
    one.pacer.add("ann");
    expect(await one.frame()).toBe(1);
    expect(one.frames).toHaveLength(0);
    one.pacer.add("ann");
    one.pacer.add("bob");
    expect(await one.frame()).toBe(2);
    expect(one.told).toEqual(["ann", "ann", "bob"]);
  });
});
