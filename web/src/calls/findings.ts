// What is wrong with a call, from its figures: whose end it is, and so what can be done. Pure.

import type { Figures } from "./figures";

/** The most important first: what silences a call comes before what spoils it. */
export const FINDINGS = [
  "noWay", "muted", "microphoneEnded", "nothingSent", "nothingReceived", "microphoneSilent", "remoteSilent",
  "lossIn", "lossOut", "jitter", "delay", "relayedByTcp",
] as const;
export type Finding = (typeof FINDINGS)[number];

/** What is known of one's own end besides the figures. */
export interface Own {
  readonly muted: boolean;
  readonly held: boolean;
  /** Whether the other end holds the call: it sends nothing then. */
  readonly remoteHeld: boolean;
  /** Whether the microphone's track is over: it was unplugged, or taken away. */
  readonly ended: boolean;
  readonly connected: boolean;
}

// A microphone that is on hears more than this in any room; what is digital silence is below by far.
const SILENCE = 0.0005;
const LOSS_PERCENT = 3;
const JITTER_MS = 40;
const DELAY_MS = 400;
/** How long it has to be so, before silence is worth a word: people pause. */
export const SILENT_S = 8;
/** How long nothing at all may come or go. */
const NOTHING_S = 4;

/** What is wrong in this stretch of time. */
export function findingsOf(figures: Figures, own: Own): readonly Finding[] {
  if (!own.connected) return ["noWay"];
  if (own.held) return [];
  const { sent, received, path } = figures;
  const found = new Set<Finding>();
  const speaks = !own.muted && !own.ended;
  if (own.muted) found.add("muted");
  if (own.ended) found.add("microphoneEnded");
  const begun = figures.seconds >= NOTHING_S;
  if (begun && speaks && !own.remoteHeld && sent.packets === 0) found.add("nothingSent");
  if (begun && !own.remoteHeld && received.packets === 0) found.add("nothingReceived");
  const long = figures.seconds >= SILENT_S;
  if (long && speaks && sent.packets > 0 && sent.level !== undefined && sent.level < SILENCE) found.add("microphoneSilent");
  if (long && received.packets > 0 && received.level !== undefined && received.level < SILENCE) found.add("remoteSilent");
  if ((received.lossPercent ?? 0) >= LOSS_PERCENT) found.add("lossIn");
  if ((sent.lossPercent ?? 0) >= LOSS_PERCENT) found.add("lossOut");
  if ((received.jitterMs ?? 0) >= JITTER_MS) found.add("jitter");
  if ((figures.roundTripMs ?? 0) >= DELAY_MS) found.add("delay");
  if (path?.local === "relay" && path.protocol !== "udp") found.add("relayedByTcp");
  return FINDINGS.filter((each) => found.has(each));
}

/** Those that somebody in the call should see at once; the others stand in the list. */
export const isUrgent = (finding: Finding): boolean => FINDINGS.indexOf(finding) < FINDINGS.indexOf("lossIn") && finding !== "muted";
