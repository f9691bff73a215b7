// The figures of a call, from what the browser counts (W3C WebRTC Statistics): what goes each way, by which path, and
// how it sounds by the E-model. Pure.

/** One look at a connection; counters since its beginning, times in seconds. */
export interface Counts {
  readonly at: number;
  readonly sent: { readonly packets: number; readonly energy: number; readonly seconds: number };
  readonly received: {
    readonly packets: number;
    readonly lost: number;
    readonly jitterMs: number | undefined;
    readonly energy: number;
    readonly seconds: number;
  };
  /** What the other end said of what it got. */
  readonly remote: { readonly lossPercent: number | undefined; readonly jitterMs: number | undefined };
  readonly roundTripMs: number | undefined;
  readonly codec: string;
  readonly path: Path | undefined;
}

/** Kinds of the two candidates; protocol: to the relay, where there is one, else of the path itself. */
export interface Path {
  readonly local: string;
  readonly remote: string;
  readonly protocol: string;
}

/** One way, over a stretch of time. level: mean loudness, 0 to 1; undefined where the browser does not say. */
export interface Direction {
  readonly packets: number;
  readonly lossPercent: number | undefined;
  readonly jitterMs: number | undefined;
  readonly level: number | undefined;
}

export interface Figures {
  readonly seconds: number;
  readonly sent: Direction;
  readonly received: Direction;
  readonly roundTripMs: number | undefined;
  readonly mos: number | undefined;
  readonly codec: string;
  readonly path: Path | undefined;
}

type Stat = Readonly<Record<string, unknown>>;

const number = (value: unknown): number | undefined => (typeof value === "number" && isFinite(value) ? value : undefined);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const ms = (seconds: unknown): number | undefined => {
  const found = number(seconds);
  return found === undefined ? undefined : found * 1000;
};

export function countsOf(stats: readonly Stat[], at: number): Counts {
  const byId = new Map(stats.map((each) => [text(each.id), each]));
  const first = (type: string) => stats.find((each) => each.type === type && (each.kind ?? "audio") === "audio") ?? {};
  const inbound = first("inbound-rtp");
  const outbound = first("outbound-rtp");
  const source = first("media-source");
  const remote = first("remote-inbound-rtp");
  const pair = pairOf(stats, byId);
  const lost = number(remote.fractionLost);
  return {
    at,
    sent: {
      packets: number(outbound.packetsSent) ?? 0,
      energy: number(source.totalAudioEnergy) ?? 0,
      seconds: number(source.totalSamplesDuration) ?? 0,
    },
    received: {
      packets: number(inbound.packetsReceived) ?? 0,
      lost: Math.max(0, number(inbound.packetsLost) ?? 0),
      jitterMs: ms(inbound.jitter),
      energy: number(inbound.totalAudioEnergy) ?? 0,
      seconds: number(inbound.totalSamplesDuration) ?? 0,
    },
    remote: { lossPercent: lost === undefined ? undefined : lost * 100, jitterMs: ms(remote.jitter) },
    roundTripMs: ms(pair?.currentRoundTripTime) ?? ms(remote.roundTripTime),
    codec: text(byId.get(text(inbound.codecId || outbound.codecId))?.mimeType).replace("audio/", ""),
    path: pair && pathOf(pair, byId),
  };
}

function pairOf(stats: readonly Stat[], byId: ReadonlyMap<string, Stat>): Stat | undefined {
  const transport = stats.find((each) => each.type === "transport" && each.selectedCandidatePairId !== undefined);
  // Firefox has no transports, and marks the pair itself.
  return byId.get(text(transport?.selectedCandidatePairId)) ?? stats.find((each) => each.type === "candidate-pair" && each.selected === true);
}

function pathOf(pair: Stat, byId: ReadonlyMap<string, Stat>): Path {
  const local = byId.get(text(pair.localCandidateId)) ?? {};
  const remote = byId.get(text(pair.remoteCandidateId)) ?? {};
  return {
    local: text(local.candidateType),
    remote: text(remote.candidateType),
    protocol: text(local.relayProtocol) || text(local.protocol),
  };
}

/** Before anything was counted. */
export const NOTHING_YET: Counts = {
  at: 0,
  sent: { packets: 0, energy: 0, seconds: 0 },
  received: { packets: 0, lost: 0, jitterMs: undefined, energy: 0, seconds: 0 },
  remote: { lossPercent: undefined, jitterMs: undefined },
  roundTripMs: undefined,
  codec: "",
  path: undefined,
};

/** What happened between two looks. */
export function between(before: Counts, after: Counts): Figures {
  const received = Math.max(0, after.received.packets - before.received.packets);
  const lost = Math.max(0, after.received.lost - before.received.lost);
  const lossPercent = received + lost > 0 ? (100 * lost) / (received + lost) : undefined;
  return {
    seconds: after.at - before.at,
    sent: {
      packets: Math.max(0, after.sent.packets - before.sent.packets),
      ...after.remote,
      level: levelOf(before.sent, after.sent),
    },
    received: { packets: received, lossPercent, jitterMs: after.received.jitterMs, level: levelOf(before.received, after.received) },
    roundTripMs: after.roundTripMs,
    mos: lossPercent === undefined ? undefined : mosOf(lossPercent, after.roundTripMs ?? 0, after.received.jitterMs ?? 0, after.codec),
    codec: after.codec,
    path: after.path,
  };
}

interface Energy {
  readonly energy: number;
  readonly seconds: number;
}

/** The root of the mean square, as the statistics define it: energy is summed squares by time. */
function levelOf(before: Energy, after: Energy): number | undefined {
  const seconds = after.seconds - before.seconds;
  return seconds > 0 ? Math.min(1, Math.sqrt(Math.max(0, after.energy - before.energy) / seconds)) : undefined;
}

// Impairment by the codec and its robustness against loss (ITU-T G.113 appendix I; Opus as wideband codecs with PLC).
const CODECS: Readonly<Record<string, readonly [ie: number, bpl: number]>> = {
  PCMU: [0, 25.1],
  PCMA: [0, 25.1],
  G722: [0, 25.1],
  opus: [0, 25.1],
};
const BUFFER_MS = 40; // what a browser's jitter buffer and packets of 20 ms come to at least

/** Mean opinion score, 1 to 4.5, by the E-model in its simple form (ITU-T G.107 with default values, R0 = 93.2). */
export function mosOf(lossPercent: number, roundTripMs: number, jitterMs: number, codec: string): number {
  const delay = roundTripMs / 2 + 2 * jitterMs + BUFFER_MS;
  const late = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0);
  const [ie, bpl] = CODECS[codec] ?? [11, 19];
  const r = 93.2 - late - (ie + ((95 - ie) * lossPercent) / (lossPercent + bpl));
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r));
}
