import { expect, test } from "vitest";
import { only } from "./only";

const SERVERS: RTCIceServer[] = [
  { urls: ["stun:192.0.2.7:3478"] },
  {
    urls: ["turn:192.0.2.7:3478?transport=udp", "turn:192.0.2.7:3478?transport=tcp", "turns:site.example:443?transport=tcp"],
    username: "u",
    credential: "c",
  },
];

test("each way by itself", () => {
  expect(only(SERVERS, "udp")).toEqual({ urls: ["turn:192.0.2.7:3478?transport=udp"], username: "u", credential: "c" });
  expect(only(SERVERS, "tcp")?.urls).toEqual(["turn:192.0.2.7:3478?transport=tcp"]);
  expect(only(SERVERS, "tls")?.urls).toEqual(["turns:site.example:443?transport=tcp"]);
  expect(only([], "udp")).toBeUndefined();
});
