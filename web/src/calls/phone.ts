// The phone itself: registers over the site's WebSocket, and makes and takes calls. JsSIP does the SIP.

import JsSIP from "jssip";
import type { EndEvent, RTCSession } from "jssip/lib/RTCSession";
import type { RTCSessionEvent, UA } from "jssip/lib/UA";
import { answerBySha256 } from "./jssip-digest";
import { enough, Ways } from "./ice";
import { EMPTY, isUp, toneOf, whyOf, withCall, withoutCall, type Call, type State } from "./model";
import { connectAnew, keptOf, resumed, type Kept } from "./resuming";
import { seenAndHeard } from "./camera";
import { offersPictures, Pictures } from "./pictures";
import { chosen, microphone, playWhereChosen } from "./sound";
import { Ringer } from "./tones";
import { Watch } from "./watching";

export interface Credential {
  /** Address of the person; user name and secret of this browser's device. */
  aor: string;
  name: string;
  secret: string;
  /** The name of this tab towards the site, by which calls find it over a lost connection. */
  instance: string;
}

export interface Measured {
  readonly connection: RTCPeerConnection;
  readonly callId: string | undefined;
  readonly muted: boolean;
  readonly held: boolean;
  readonly remoteHeld: boolean;
}

interface KeptCalls {
  aor: string;
  calls: readonly Kept[];
}

// As JsSIP has it; its types leave the second one out.
type Accept = (init: ((session: RTCSession) => void) | null, options?: object) => void;

const SHOWN_AFTER_MS = 4000; // for how long a call that came to nothing is still shown
const REGISTERED_S = 300;
const AGAIN_MS = 200;
const LOOK_MS = 500;
const KEPT = "isthmus.calls";
/** Lets the site's relay wait until there is a way for media. */
const RESUMED = "X-Isthmus-Resumed: 1";

answerBySha256();

export class Phone {
  private state: State = EMPTY;
  private readonly listeners = new Set<() => void>();
  private readonly sessions = new Map<string, RTCSession>();
  private readonly wanted = new Map<string, boolean>();
  private readonly ringer = new Ringer();
  private readonly ways = new Ways();
  private readonly watches = new Map<string, Watch>();
  private readonly pictures = new Map<string, Pictures>();
  private readonly aor: string;
  private readonly ua: UA;
  /** Calls of this tab before its page was loaded anew, until they are taken up. */
  private former: readonly Kept[];
  private tookUp = false;
  private looking: number | undefined;
  /** Since the connection was lost: undefined while it is up. */
  private lost: "connection" | "media" | undefined;
  /** Told when a call is over: the list of calls is another one then. */
  onOver: () => void = () => undefined;

  constructor(credential: Credential, host: string) {
    this.aor = credential.aor;
    this.former = formerCalls(credential.aor);
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`wss://${host}/sip`)],
      uri: `sip:${credential.aor}`,
      authorization_user: credential.name,
      password: credential.secret,
      register_expires: REGISTERED_S,
      instance_id: credential.instance,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 10,
      session_timers: false,
      user_agent: "Isthmus web phone",
    });
    this.ua.on("registered", () => {
      this.put({ ...this.state, line: "registered" });
      this.takeUp();
    });
    this.ua.on("unregistered", () => {
      this.put({ ...this.state, line: this.lost === undefined ? "unregistered" : "connecting" });
    });
    this.ua.on("disconnected", () => {
      this.lost ??= "connection";
      this.put({ ...this.state, line: "connecting" });
    });
    this.ua.on("registrationFailed", ({ response }) => {
      // Without an answer the connection is to blame, which JsSIP makes anew by itself.
      const answered = (response as { status_code?: number } | null)?.status_code !== undefined;
      this.put({ ...this.state, line: answered ? "refused" : "connecting" });
    });
    this.ua.on("newRTCSession", ({ session }: RTCSessionEvent) => { this.take(session); });
  }

  start(): void {
    this.ways.start();
    this.ua.start();
    this.ringer.choose(chosen().ringer);
    this.looking = window.setInterval(() => void this.look(), LOOK_MS);
    window.addEventListener("pagehide", this.leave);
  }

  /** Hang up, unregister, and close the connection. */
  stop(): void {
    window.clearInterval(this.looking);
    window.removeEventListener("pagehide", this.leave);
    this.former = [];
    this.ways.stop();
    this.ringer.play(undefined);
    this.ua.stop();
    sessionStorage.removeItem(KEPT);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): State => this.state;

  /** What is measured of a call that is up, by whoever shows it; undefined where it is over. */
  measured(id: string): Measured | undefined {
    const session = this.sessions.get(id);
    if (!session?.isEstablished()) return undefined;
    const { local, remote } = session.isOnHold();
    const muted = session.isMuted().audio ?? false;
    return { connection: session.connection, callId: keptOf(session)?.callId, muted, held: local, remoteHeld: remote };
  }

  /** Call a SIP URI; calls that are up are held. video: show the camera from the beginning, where there is one. */
  call(uri: string, video = false): void {
    this.holdOthers();
    if (!video) this.ua.call(uri, this.audio());
    else void seenAndHeard().then((mediaStream) => { this.show(this.ua.call(uri, this.media(mediaStream)), mediaStream); });
  }

  answer(id: string, video = false): void {
    this.holdOthers(id);
    const session = this.sessions.get(id);
    if (!video) session?.answer(this.audio());
    else {
      void seenAndHeard().then((mediaStream) => {
        if (session?.isInProgress()) session.answer(this.media(mediaStream));
        if (session) this.show(session, mediaStream);
      });
    }
  }

  /** The pictures of a call that is up. */
  picturesOf(id: string): Pictures | undefined {
    return this.pictures.get(id);
  }

  private show(session: RTCSession, stream: MediaStream | undefined): void {
    const id = [...this.sessions].find(([, each]) => each === session)?.[0];
    if (stream && id !== undefined) this.pictures.get(id)?.begin(stream);
    else for (const track of stream?.getTracks() ?? []) track.stop();
  }

  hangUp(id: string): void {
    const session = this.sessions.get(id);
    if (session && !session.isEnded()) session.terminate();
  }

  decline(id: string): void {
    this.sessions.get(id)?.terminate({ status_code: 603 });
  }

  hold(id: string, held: boolean): void {
    if (!held) this.holdOthers(id);
    this.settle(id, held);
  }

  /** JsSIP refuses while an offer of before is not answered yet: it is asked again until it takes this one. */
  private settle(id: string, held: boolean): void {
    this.wanted.set(id, held);
    const session = this.sessions.get(id);
    if (!session || session.isEnded() || session.isOnHold().local === held) return;
    if (held ? session.hold() : session.unhold()) return;
    window.setTimeout(() => { if (this.wanted.get(id) === held) this.settle(id, held); }, AGAIN_MS);
  }

  mute(id: string, muted: boolean): void {
    const session = this.sessions.get(id);
    if (muted) session?.mute({ audio: true });
    else session?.unmute({ audio: true });
  }

  /** Send one key, as an event in the audio stream (RFC 4733), else by INFO. */
  tone(id: string, key: string): void {
    const session = this.sessions.get(id);
    const sender = session?.connection.getSenders().find((each) => each.track?.kind === "audio");
    // What is given replaces what was not played yet.
    if (sender?.dtmf?.canInsertDTMF) sender.dtmf.insertDTMF(sender.dtmf.toneBuffer + key, 160);
    else session?.sendDTMF(key);
  }

  /** Let the other end call that URI instead (RFC 3515). */
  transfer(id: string, uri: string): void {
    this.refer(id, uri);
  }

  /** Let the other ends of these two calls talk to each other; both are over here then (RFC 3891). */
  connect(id: string, other: string): void {
    const session = this.sessions.get(other);
    if (session) this.refer(id, session.remote_identity.uri.toString(), session);
  }

  private refer(id: string, uri: string, replaces?: RTCSession): void {
    const tell = (transfer: "asked" | "failed") => {
      const call = this.state.calls.find((each) => each.id === id);
      if (call && isUp(call)) this.put(withCall(this.state, { ...call, transfer }));
    };
    const failed = () => { tell("failed"); };
    tell("asked");
    this.sessions.get(id)?.refer(uri, {
      ...(replaces ? { replaces } : {}),
      eventHandlers: { accepted: () => { this.hangUp(id); }, failed, requestFailed: failed },
    });
  }

  /** Registered, for the first time or anew: calls of before go on. */
  private takeUp(): void {
    const { lost } = this;
    this.lost = undefined;
    if (!this.tookUp) for (const call of this.former) void this.resume(call);
    this.tookUp = true;
    if (lost !== undefined) void this.goOn(lost === "media");
  }

  /** The far end learns where this browser is now; where the network is another one, media find a way anew. */
  private async goOn(iceRestart: boolean): Promise<void> {
    const ways = await this.ways.renewed();
    for (const call of this.state.calls) {
      const session = this.sessions.get(call.id);
      if (call.stage !== "talking" || !session || session.isEnded()) continue;
      session.connection.setConfiguration(ways);
      this.renegotiate(call.id, iceRestart);
    }
  }

  private async resume(call: Kept): Promise<void> {
    try {
      const stream = call.camera ? await seenAndHeard() : undefined;
      const heard = stream ?? (await navigator.mediaDevices.getUserMedia({ audio: microphone() }));
      const session = resumed(this.ua, call, heard, await this.ways.renewed());
      if (stream) this.show(session, stream);
      session.renegotiate({ extraHeaders: [RESUMED] });
    } catch {
      // No microphone, or what was kept is none of ours: it is not tried again.
    } finally {
      this.former = this.former.filter((each) => each !== call);
      this.keep();
    }
  }

  private renegotiate(id: string, iceRestart: boolean): void {
    const session = this.sessions.get(id);
    if (!session || session.isEnded() || this.lost !== undefined) return;
    if (session.renegotiate({ rtcOfferConstraints: { iceRestart } })) return;
    window.setTimeout(() => { this.renegotiate(id, iceRestart); }, AGAIN_MS);
  }

  /** The Call-IDs of all that is up. */
  callIds(): string[] {
    return [...this.sessions.values()].flatMap((session) => keptOf(session)?.callId ?? []);
  }

  private readonly leave = (): void => {
    this.keep();
    // What nobody has answered yet can't be taken up again.
    for (const session of this.sessions.values()) {
      if (session.isInProgress() && session.direction.toString() === "outgoing") session.terminate();
    }
  };

  /** Keep what a reload of the page needs to go on. */
  private readonly keep = (): void => {
    const now = [...this.sessions.values()].flatMap((session) => keptOf(session) ?? []);
    const all: KeptCalls = { aor: this.aor, calls: [...this.former, ...now] };
    sessionStorage.setItem(KEPT, JSON.stringify(all));
  };

  /** Whether the other ends are heard; where they are not, the connection is made anew. */
  private async look(): Promise<void> {
    for (const [id, session] of this.sessions) {
      if (!session.isEstablished()) continue;
      const { local, remote } = session.isOnHold();
      const packets = local || remote ? undefined : await packetsHeard(session.connection);
      const watch = this.watches.get(id) ?? new Watch();
      this.watches.set(id, watch);
      const connected = session.connection.iceConnectionState !== "disconnected";
      if (watch.seen(packets, connected, performance.now())) this.reconnect();
    }
  }

  /** The connection may look well, and be of a network that is gone. */
  private reconnect(): void {
    if (this.lost !== undefined) return;
    this.lost = "media";
    connectAnew(this.ua);
  }

  private media(mediaStream: MediaStream | undefined) {
    return mediaStream ? { mediaStream, pcConfig: this.ways.configuration() } : this.audio();
  }

  private audio() {
    return { mediaConstraints: { audio: microphone(), video: false }, pcConfig: this.ways.configuration() };
  }

  /** Use the devices that were chosen meanwhile, in calls that are up as well. Raises where there is no microphone. */
  async changeDevices(): Promise<void> {
    this.ringer.choose(chosen().ringer);
    for (const id of this.sessions.keys()) playWhereChosen(document.getElementById(`audio-${id}`));
    for (const { connection } of [...this.sessions.values()].filter((each) => each.isEstablished())) {
      for (const sender of connection.getSenders()) {
        if (sender.track?.kind !== "audio") continue;
        const [track] = (await navigator.mediaDevices.getUserMedia({ audio: microphone() })).getAudioTracks();
        if (!track) continue;
        track.enabled = sender.track.enabled;
        sender.track.stop();
        await sender.replaceTrack(track);
      }
    }
  }

  /** Use the camera that was chosen meanwhile, in calls that show it. */
  async changeCameras(): Promise<void> {
    for (const pictures of this.pictures.values()) await pictures.changeCamera();
  }

  private holdOthers(but?: string): void {
    for (const call of this.state.calls) {
      if (call.id !== but && call.stage === "talking" && !call.held) this.settle(call.id, true);
    }
  }

  private take(session: RTCSession): void {
    const incoming = session.direction.toString() === "incoming";
    const { display_name: name, uri } = session.remote_identity;
    const id = crypto.randomUUID();
    const goesOn = session.isEstablished(); // over a reload of the page
    // It takes the place of one that was answered: whoever we talked to has transferred us.
    const replaces = (session.data as { replaces?: boolean }).replaces === true;
    let call: Call = {
      id,
      uri: uri.toString(),
      name,
      stage: goesOn ? "talking" : incoming && !replaces ? "incoming" : "calling",
      muted: session.isMuted().audio ?? false,
      held: session.isOnHold().local,
      ...(goesOn ? { since: session.start_time.getTime() } : {}),
      ...(incoming && !goesOn && offersPictures(requested(session)) ? { shows: true } : {}),
    };
    const change = (changes: Partial<Call>) => {
      call = { ...(this.state.calls.find((each) => each.id === id) ?? call), ...changes };
      this.put(withCall(this.state, call));
    };
    const ended = ({ cause, message }: EndEvent) => {
      const why = cause === "User Denied Media Access" ? "microphone" : whyOf(statusOf(message));
      change({ stage: "over", ...(why === undefined || incoming ? {} : { why }) });
      this.forget(id, why !== undefined && !incoming);
    };
    const pictures = new Pictures(session, (seen) => { change({ seen }); });
    this.sessions.set(id, session);
    this.pictures.set(id, pictures);
    this.hear(session, id);
    session.on("icecandidate", enough);
    whenConnected(session, (connection) => { pictures.watch(connection); });
    session.on("progress", () => { if (!incoming) change({ stage: "ringing" }); });
    session.on("confirmed", () => { change({ stage: "talking", since: Date.now() }); });
    session.on("muted", ({ audio }) => { if (audio) change({ muted: true }); });
    session.on("unmuted", ({ audio }) => { if (audio) change({ muted: false }); });
    session.on("hold", ({ originator }) => { if (originator.toString() === "local") change({ held: true }); });
    session.on("unhold", ({ originator }) => { if (originator.toString() === "local") change({ held: false }); });
    session.on("sdp", () => { window.setTimeout(this.keep); }); // its sequence numbers are others then
    session.on("refer", ({ accept }) => { (accept as Accept)(null, this.audio()); });
    session.on("replaces", ({ accept }) => { (accept as Accept)((other) => { other.data = { replaces: true }; }); });
    session.on("ended", ended);
    session.on("failed", ended);
    change({});
    if (replaces) window.setTimeout(() => { session.answer(this.audio()); });
  }

  /** Let what the other end says be heard, by an element of its own in the page. */
  private hear(session: RTCSession, id: string): void {
    const element = document.createElement("audio");
    element.id = `audio-${id}`;
    document.body.append(element);
    playWhereChosen(element);
    whenConnected(session, (connection) => {
      // Comes again after each hold, which takes the track away.
      connection.addEventListener("track", ({ track }) => {
        if (track.kind !== "audio") return;
        element.srcObject = new MediaStream([track]);
        void element.play();
      });
    });
  }

  private forget(id: string, later: boolean): void {
    this.sessions.delete(id);
    this.wanted.delete(id);
    this.watches.delete(id);
    this.pictures.get(id)?.stop();
    this.pictures.delete(id);
    document.getElementById(`audio-${id}`)?.remove();
    window.setTimeout(() => { this.put(withoutCall(this.state, id)); }, later ? SHOWN_AFTER_MS : 0);
    this.onOver();
  }

  private put(state: State): void {
    this.state = state;
    this.keep();
    this.ringer.play(toneOf(state.calls.filter(isUp)));
    for (const listener of this.listeners) listener();
  }
}

/** One's own call has its connection already when JsSIP tells of it. */
function whenConnected(session: RTCSession, work: (connection: RTCPeerConnection) => void): void {
  if ((session.connection as RTCPeerConnection | null) !== null) work(session.connection);
  else session.on("peerconnection", ({ peerconnection }) => { work(peerconnection); });
}

/** The offer by which a call came. */
function requested(session: RTCSession): string {
  const { body } = (session as unknown as { _request: { body: string | null } | undefined })._request ?? {};
  return body ?? "";
}

/** Calls that are kept in this tab, unless somebody else has signed in meanwhile. */
function formerCalls(aor: string): readonly Kept[] {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as KeptCalls | null;
  return kept?.aor === aor ? kept.calls : [];
}

function statusOf(message: unknown): number | undefined {
  const code = (message as { status_code?: unknown } | null)?.status_code;
  return typeof code === "number" ? code : undefined;
}

interface Counted {
  type: string;
  packetsReceived?: number;
  responsesReceived?: number;
}

/** All that came: also answers to ICE's own questions, which come while somebody's phone sends no silence. */
async function packetsHeard(connection: RTCPeerConnection): Promise<number> {
  let packets = 0;
  for (const each of (await connection.getStats()).values() as Iterable<Counted>) {
    if (each.type === "inbound-rtp") packets += each.packetsReceived ?? 0;
    if (each.type === "candidate-pair") packets += each.responsesReceived ?? 0;
  }
  return packets;
}
