import { afterEach, describe, expect, it, vi } from "vitest";
import { Live, pause, type Event } from "./connection";

afterEach(() => { vi.unstubAllGlobals(); });

describe("an event", () => {
  it("is heard by who listens when it comes; the welcome also by who listens later", async () => {
    vi.stubGlobal("window", globalThis);
    const socket = { close: () => undefined } as unknown as WebSocket;
    const live = new Live({ url: "wss://site/live", token: () => Promise.resolve("t"), socket: () => socket });
    const heard: Event[] = [];
    const hear = (event: Event) => { heard.push(event); };
    live.start();
    await vi.waitFor(() => { expect(socket.onmessage).toBeDefined(); });
    const told = [{ event: "welcome", build: "a" }, { event: "calls.changed" }];
    live.on("calls.changed", hear);
    socket.onmessage?.({ data: JSON.stringify(told) } as MessageEvent);
    expect(heard).toEqual([told[1]]);
    live.on("calls.changed", hear);
    live.on("welcome", hear);
    expect(heard).toEqual([told[1], told[0]]);
    live.stop();
  });
});

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
