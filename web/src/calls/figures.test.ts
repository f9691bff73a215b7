import { expect, test } from "vitest";
import { between, countsOf, mosOf } from "./figures";

const stats = (sent: number, received: number, lost: number, energy: number, seconds: number) => [
  { id: "T", type: "transport", selectedCandidatePairId: "P" },
  { id: "P", type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", currentRoundTripTime: 0.04 },
  { id: "L", type: "local-candidate", candidateType: "relay", relayProtocol: "tls", protocol: "udp" },
  { id: "R", type: "remote-candidate", candidateType: "host", protocol: "udp" },
  { id: "C", type: "codec", mimeType: "audio/opus" },
  { id: "S", type: "media-source", kind: "audio", totalAudioEnergy: energy, totalSamplesDuration: seconds },
  { id: "O", type: "outbound-rtp", kind: "audio", packetsSent: sent, codecId: "C" },
  { id: "I", type: "inbound-rtp", kind: "audio", packetsReceived: received, packetsLost: lost, jitter: 0.005, codecId: "C" },
  { id: "RI", type: "remote-inbound-rtp", kind: "audio", fractionLost: 0.02, jitter: 0.003 },
];

test("what happened between two looks", () => {
  const figures = between(countsOf(stats(100, 90, 0, 0, 2), 2), countsOf(stats(200, 180, 10, 0.02, 4), 4));
  expect(figures).toMatchObject({
    seconds: 2,
    sent: { packets: 100, lossPercent: 2, jitterMs: 3 },
    received: { packets: 90, lossPercent: 10, jitterMs: 5, level: undefined },
    roundTripMs: 40,
    codec: "opus",
    path: { local: "relay", remote: "host", protocol: "tls" },
  });
  expect(figures.sent.level).toBeCloseTo(0.1);
  expect(figures.mos).toBeLessThan(3.5);
});

test("a browser that tells next to nothing", () => {
  const nothing = countsOf([{ id: "P", type: "candidate-pair", selected: true }], 1);
  expect(nothing.path).toEqual({ local: "", remote: "", protocol: "" });
  expect(between(nothing, { ...nothing, at: 3 })).toMatchObject({ mos: undefined, received: { lossPercent: undefined } });
});

test("the E-model falls with loss and delay, between 1 and 4.5", () => {
  expect(mosOf(0, 20, 1, "opus")).toBeGreaterThan(4.3);
  expect(mosOf(3, 20, 1, "PCMA")).toBeLessThan(mosOf(1, 20, 1, "PCMA"));
  expect(mosOf(0, 800, 1, "opus")).toBeLessThan(3.6);
  expect(mosOf(100, 2000, 100, "GSM")).toBe(1);
  for (let loss = 0; loss <= 100; loss++) expect(mosOf(loss, loss * 10, loss, "x")).toBeGreaterThanOrEqual(1);
});
