// Measures a call while it is up, and reports it to the site: what its figures were, and what was found to be wrong.

import { api, told } from "../api/client";
import { between, countsOf, NOTHING_YET, type Counts, type Direction, type Figures } from "./figures";
import { findingsOf, FINDINGS, type Finding } from "./findings";
import { reports, type Report } from "./leaving";
import type { Measured } from "./phone";

const LOOK_MS = 2000;
/** Looks that what is shown goes back by: ten seconds. */
const SHOWN = 5;
const STARTING_MS = 4000;
const AGAIN_MS = 5000;
/** When it is first told how a call sounds, and how often from then on: a browser that crashes reports no end. */
const TOLD_FIRST_MS = 10_000;
const TOLD_MS = 30_000;

export interface Seen {
  /** Of the last seconds, and of the whole call. */
  readonly now: Figures;
  readonly whole: Figures;
  readonly findings: readonly Finding[];
}

export class Measuring {
  private readonly timer: number;
  private readonly began = performance.now();
  /** A call's connection is its own, and so counts from nothing. */
  private readonly first: Counts = { ...NOTHING_YET, at: performance.now() / 1000 };
  private recent: readonly Counts[] = [];
  private state = "";
  private callId: string | undefined;
  private nextTold = performance.now() + TOLD_FIRST_MS;
  private readonly found = new Set<Finding>();
  private seen: Seen | undefined;
  private readonly leave = reports(() => this.report("end"));

  constructor(
    private readonly measured: () => Measured | undefined,
    private readonly onSeen: (seen: Seen) => void,
  ) {
    this.timer = window.setInterval(() => void this.look(), LOOK_MS);
    void this.look();
  }

  /** The call is over: its report is sent. */
  stop(): void {
    window.clearInterval(this.timer);
    this.leave();
    const report = this.report("end");
    if (report) void send(report).catch(() => window.setTimeout(() => void send(report).catch(() => undefined), AGAIN_MS));
  }

  /** Send what is known of the call now, with what its person says. Raises ApiError. */
  async tell(text: string): Promise<void> {
    const report = this.report("problem");
    if (report) await send({ ...report, text });
  }

  private async look(): Promise<void> {
    const call = this.measured();
    if (call === undefined) return;
    const stats = [...((await call.connection.getStats()) as unknown as Map<string, Record<string, unknown>>).values()];
    const counts = countsOf(stats, performance.now() / 1000);
    // What was counted while it was on hold, or muted, says nothing of what is now.
    const state = JSON.stringify([call.muted, call.held, call.remoteHeld]);
    this.recent = state === this.state ? [...this.recent.slice(-SHOWN), counts] : [counts];
    this.state = state;
    this.callId ??= call.callId;
    const [from = counts] = this.recent;
    const now = between(from, counts);
    const track = call.connection.getSenders().find((each) => each.track?.kind === "audio")?.track;
    const starting = performance.now() - this.began < STARTING_MS;
    const findings = findingsOf(now, {
      muted: call.muted,
      held: call.held,
      remoteHeld: call.remoteHeld,
      ended: track?.readyState === "ended",
      connected: starting || call.connection.connectionState === "connected",
    });
    for (const each of findings) this.found.add(each);
    this.seen = { now, whole: between(this.first, counts), findings };
    this.onSeen(this.seen);
    this.tellSoFar();
  }

  /** One that does not get through is followed by another. */
  private tellSoFar(): void {
    if (performance.now() < this.nextTold) return;
    const report = this.report("unfinished");
    if (report === undefined) return;
    this.nextTold = performance.now() + TOLD_MS;
    void send(report).catch(() => undefined);
  }

  private report(kind: Report["kind"]): Report | undefined {
    if (this.callId === undefined || this.seen === undefined) return undefined;
    const { whole } = this.seen;
    return {
      call_id: this.callId,
      kind,
      seconds: whole.seconds,
      codec: whole.codec,
      sent: direction(whole.sent),
      received: direction(whole.received),
      round_trip_ms: whole.roundTripMs ?? null,
      mos: whole.mos ?? null,
      local: whole.path?.local ?? "",
      remote: whole.path?.remote ?? "",
      protocol: whole.path?.protocol ?? "",
      findings: FINDINGS.filter((each) => this.found.has(each)),
      text: "",
      browser: navigator.userAgent.slice(0, 200),
    };
  }
}

const direction = ({ packets, lossPercent, jitterMs, level }: Direction) => ({
  packets,
  loss_percent: lossPercent ?? null,
  jitter_ms: jitterMs ?? null,
  level: level ?? null,
});

async function send(body: Report): Promise<void> {
  told(await api.POST("/v1/calls/reports", { body }));
}
