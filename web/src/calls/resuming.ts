// Takes calls over a reload of the page: what a dialog is made of is kept, and a session is built of it by hand. JsSIP
// has no place for this, so its private members are used here, and in offering.ts; its version is locked, and
// tests/interop/test_web_phone.py reloads in mid-call.

import Dialog from "jssip/lib/Dialog";
import * as sessions from "jssip/lib/RTCSession";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { UA } from "jssip/lib/UA";
import JsSIP from "jssip";
import { videoOf } from "./pictures";

/** A call that is up, as it is kept for the next life of this tab. Sequence numbers are those of RFC 3261 12.1. */
export interface Kept {
  readonly id: string;
  readonly incoming: boolean;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly localSeq: number | null;
  readonly remoteSeq: number | null;
  readonly localUri: string;
  readonly remoteUri: string;
  readonly remoteTarget: string;
  readonly routes: readonly string[];
  /** Who is talked to, as a header has it: name and address. */
  readonly remote: string;
  readonly since: number;
  readonly held: boolean;
  readonly remoteHeld: boolean;
  readonly muted: boolean;
  /** Whether there was a stream for pictures, whether the camera was on it, and paused. */
  readonly video: boolean;
  readonly camera: boolean;
  readonly paused: boolean;
}

/** What JsSIP has read of an address. */
interface Printable {
  toString(): string;
}

interface DialogInside {
  _owner: RTCSession;
  _ua: UA;
  _uac_pending_reply: boolean;
  _uas_pending_reply: boolean;
  _id: { call_id: string; local_tag: string; remote_tag: string; toString(): string };
  _state: number;
  _local_seqnum: number | null | undefined;
  _remote_seqnum: number | null | undefined;
  _local_uri: Printable;
  _remote_uri: Printable;
  _remote_target: Printable;
  _route_set: string[];
  _incoming_ack_seqnum: number | null;
  _outgoing_ack_seqnum: number | null;
}

interface SessionInside {
  _id: string;
  _status: number;
  _is_confirmed: boolean;
  _direction: string;
  _from_tag: string;
  _to_tag: string;
  _contact: string;
  _local_identity: Printable;
  _remote_identity: Printable;
  _start_time: Date | null;
  _localHold: boolean;
  _remoteHold: boolean;
  _audioMuted: boolean;
  _videoMuted: boolean;
  _dialog: DialogInside | undefined;
  _connection: RTCPeerConnection;
  _localMediaStream: MediaStream;
  _localMediaStreamLocallyGenerated: boolean;
  _createRTCConnection(configuration: RTCConfiguration): void;
}

interface UAInside {
  transport: { connect(): void; disconnect(): void };
  contact: { toString(): string };
  newDialog(dialog: DialogInside): void;
  newRTCSession(session: RTCSession, data: object): void;
}

// JsSIP is CommonJS: its module is the class, whatever the types say.
const Session = (sessions as unknown as { default: new (ua: UA) => RTCSession }).default;
const CONFIRMED = { session: 9, dialog: 2 };
const AHEAD = 10; // requests of the former life that were not kept any more

/** What there is to keep of a session; undefined where it has no confirmed dialog. */
export function keptOf(session: RTCSession): Kept | undefined {
  const inside = session as unknown as SessionInside;
  const dialog = inside._dialog;
  const began = inside._start_time; // comes a moment after the status, when the answer was read
  if (!dialog || inside._status !== CONFIRMED.session || began === null) return undefined;
  const { local, remote } = session.isOnHold();
  return {
    id: inside._id,
    incoming: inside._direction === "incoming",
    callId: dialog._id.call_id,
    localTag: dialog._id.local_tag,
    remoteTag: dialog._id.remote_tag,
    localSeq: dialog._local_seqnum ?? null,
    remoteSeq: dialog._remote_seqnum ?? null,
    localUri: dialog._local_uri.toString(),
    remoteUri: dialog._remote_uri.toString(),
    remoteTarget: dialog._remote_target.toString(),
    routes: dialog._route_set,
    remote: inside._remote_identity.toString(),
    since: began.getTime(),
    held: local,
    remoteHeld: remote,
    muted: session.isMuted().audio ?? false,
    // Also where it was refused: an offer has as many streams as those before it (RFC 3264 section 8).
    video: /^m=video /m.test(session.connection.localDescription?.sdp ?? ""),
    camera: isCamera(videoOf(session.connection)?.sender.track),
    paused: session.isMuted().video ?? false,
  };
}

/** A session of that call, which the registered `ua` tells of as of a new one. Call `renegotiate` for its media. */
export function resumed(ua: UA, kept: Kept, stream: MediaStream, ways: RTCConfiguration): RTCSession {
  const session = new Session(ua);
  const agent = ua as unknown as UAInside;
  const inside = session as unknown as SessionInside;
  const localSeq = (kept.localSeq ?? 0) + AHEAD;
  const id = { call_id: kept.callId, local_tag: kept.localTag, remote_tag: kept.remoteTag };
  const dialog = Object.assign(Object.create(Dialog.prototype) as DialogInside, {
    _owner: session,
    _ua: ua,
    _uac_pending_reply: false,
    _uas_pending_reply: false,
    _id: { ...id, toString: () => kept.callId + kept.localTag + kept.remoteTag },
    _state: CONFIRMED.dialog,
    _local_seqnum: localSeq,
    _remote_seqnum: kept.remoteSeq,
    _local_uri: uri(kept.localUri),
    _remote_uri: uri(kept.remoteUri),
    _remote_target: uri(kept.remoteTarget),
    _route_set: [...kept.routes],
    _incoming_ack_seqnum: null,
    _outgoing_ack_seqnum: localSeq,
  });
  Object.assign(inside, {
    _id: kept.id,
    _status: CONFIRMED.session,
    _is_confirmed: true,
    _direction: kept.incoming ? "incoming" : "outgoing",
    _from_tag: kept.incoming ? kept.remoteTag : kept.localTag,
    _to_tag: kept.incoming ? kept.localTag : kept.remoteTag,
    _contact: agent.contact.toString(),
    _local_identity: header(`<${kept.localUri}>`),
    _remote_identity: header(kept.remote),
    _start_time: new Date(kept.since),
    _localHold: kept.held,
    _remoteHold: kept.remoteHeld,
    _audioMuted: kept.muted,
    _videoMuted: kept.paused,
    _dialog: dialog,
  });
  agent.newDialog(dialog);
  inside._createRTCConnection(ways);
  inside._localMediaStream = stream;
  inside._localMediaStreamLocallyGenerated = true;
  for (const track of stream.getTracks()) inside._connection.addTrack(track, stream);
  if (kept.video && stream.getVideoTracks().length === 0) {
    inside._connection.addTransceiver("video", { direction: "recvonly" });
  }
  agent.newRTCSession(session, { originator: "local", session, request: null });
  return session;
}

/** A screen is not shown again over a reload: browsers ask for it anew, and only where somebody has clicked. */
function isCamera(track: MediaStreamTrack | null | undefined): boolean {
  return track !== null && track !== undefined && !("displaySurface" in track.getSettings());
}

/** Give the connection up, though it may look well, and make another one. */
export function connectAnew(ua: UA): void {
  const { transport } = ua as unknown as UAInside;
  transport.disconnect();
  transport.connect();
}

function uri(text: string): Printable {
  return found(JsSIP.URI.parse(text) as unknown, text);
}

function header(text: string): Printable {
  return found(JsSIP.NameAddrHeader.parse(text) as unknown, text);
}

function found(parsed: unknown, text: string): Printable {
  if (typeof parsed !== "object" || parsed === null) throw new Error(`not an address: ${text}`);
  return parsed;
}
