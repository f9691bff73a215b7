import { expect, test } from "vitest";
import { isDirect } from "./mediaPath";

const OUT = { site: "premises", route: "dial", way: "gateway", source: "phone", via: null, media: "past" };
const TO_PEER = { site: "online", route: "relay", way: "premises", source: "phone", via: null, media: "past" };
const FROM_PEER = { ...OUT, source: "peer", via: "online" };

test("a call is direct where no site relayed its media", () => {
  expect(isDirect([OUT])).toBe(true);
  expect(isDirect([TO_PEER, FROM_PEER])).toBe(true);
  expect(isDirect([TO_PEER, { ...FROM_PEER, media: "relayed" }])).toBe(false);
  expect(isDirect([{ ...OUT, media: "past-first" }])).toBe(false);
  expect(isDirect([{ ...OUT, media: null }])).toBe(false);
});

test("nobody knows of a call whose other leg is not there", () => {
  expect(isDirect([TO_PEER])).toBe(false);
  expect(isDirect([FROM_PEER])).toBe(false);
});
