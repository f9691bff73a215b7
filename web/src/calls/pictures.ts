// The pictures of one call: that of a camera or a screen which is shown, and the other end's. They are one stream of
// video, whose direction says who shows something. Each end shows what it likes; none is made to by the other.

import type { RTCSession } from "jssip/lib/RTCSession";
import { cameraTrack, screenTrack } from "./camera";
import type { Seen } from "./model";
import { offerAnew } from "./offering";

export type Source = "camera" | "screen";

export class Pictures {
  private readonly tracks: Partial<Record<Source, MediaStreamTrack>> = {};
  /** What the call was begun with. */
  private stream: MediaStream | undefined;
  private refused = false;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly session: RTCSession,
    private readonly changed: (seen: Seen) => void,
  ) {}

  /** The call was begun with this microphone, and camera, which are given back when it is over. */
  begin(stream: MediaStream): void {
    this.stream = stream;
    const [track] = stream.getVideoTracks();
    if (track) this.have("camera", track);
    this.tell();
  }

  watch(connection: RTCPeerConnection): void {
    // Comes before the first offer is made.
    this.session.on("connecting", () => { keepCodecs(videoOf(connection)); });
    connection.addEventListener("signalingstatechange", () => {
      if (connection.signalingState !== "stable") return;
      if (this.shown && !videoOf(connection)) this.giveUp();
      this.tell();
    });
  }

  /** Show a camera or a screen, or none any more. Raises where the browser gives none. */
  async show(source: Source, shown: boolean): Promise<void> {
    if ((this.tracks[source] !== undefined) === shown) return;
    this.refused = false;
    if (shown) this.have(source, await (source === "camera" ? cameraTrack() : screenTrack()));
    else this.lose(source);
    if (this.session.isEnded()) this.stop();
    else await this.settle();
  }

  /** Another camera was chosen. */
  async changeCamera(): Promise<void> {
    if (!this.tracks.camera) return;
    this.lose("camera");
    this.have("camera", await cameraTrack());
    await this.settle();
  }

  /** The other end sees nothing of it for now; the camera stays on. */
  pause(paused: boolean): void {
    if (paused) this.session.mute({ audio: false, video: true });
    else this.session.unmute({ audio: false, video: true });
    this.tell();
  }

  /** The call is over: nothing is recorded here any more. */
  stop(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.lose("camera");
    this.lose("screen");
  }

  private get shown(): MediaStreamTrack | undefined {
    return this.tracks.screen ?? this.tracks.camera;
  }

  private have(source: Source, track: MediaStreamTrack): void {
    this.tracks[source] = track;
    // By the browser's own bar, or because somebody pulled the plug.
    track.addEventListener("ended", () => { if (this.tracks[source] === track) void this.show(source, false); });
  }

  private lose(source: Source): void {
    const track = this.tracks[source];
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- one of two names
    delete this.tracks[source];
    track?.stop();
  }

  /** Whoever is there has nothing for pictures: the call goes on without. */
  private giveUp(): void {
    this.lose("camera");
    this.lose("screen");
    this.refused = true;
  }

  /** Send what is shown now. One change after the other. */
  private settle(): Promise<void> {
    this.work = this.work.then(() => this.send()).catch(() => { this.giveUp(); }).then(() => { this.tell(); });
    return this.work;
  }

  private async send(): Promise<void> {
    const { connection } = this.session;
    const track = this.shown;
    if (track) track.enabled = !(this.session.isMuted().video ?? false);
    const video = videoOf(connection);
    if (!video) {
      if (!track) return;
      const added = connection.addTransceiver(track, { direction: "sendrecv", streams: [new MediaStream([track])] });
      keepCodecs(added);
      if (await this.isRefused()) added.stop();
      return;
    }
    const before = video.direction;
    await video.sender.replaceTrack(track ?? null);
    video.direction = track ? "sendrecv" : "recvonly";
    if (video.direction === before || !(await this.isRefused())) return;
    await video.sender.replaceTrack(null);
    video.direction = before;
  }

  private async isRefused(): Promise<boolean> {
    this.tell();
    const outcome = await offerAnew(this.session);
    if (outcome === "refused") this.giveUp();
    return outcome === "refused";
  }

  private tell(): void {
    const { session, tracks, shown, refused } = this;
    if (session.isEnded()) return;
    const connection = session.connection as RTCPeerConnection | null;
    const theirs = connection ? theirsOf(connection) : undefined;
    this.changed({
      ...(shown ? { mine: shown } : {}),
      ...(theirs ? { theirs } : {}),
      camera: tracks.camera !== undefined,
      screen: tracks.screen !== undefined,
      paused: session.isMuted().video ?? false,
      refused,
    });
  }
}

/**
 * What all browsers have to know (RFC 7742 section 5), and no more: each codec has many forms, and an offer of all of
 * them is ten times as long as one of speech.
 */
function keepCodecs(video: RTCRtpTransceiver | undefined): void {
  const kept = (RTCRtpReceiver.getCapabilities("video")?.codecs ?? []).filter(({ mimeType, sdpFmtpLine = "" }) =>
    mimeType === "video/H264"
      ? /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=42e0/i.test(sdpFmtpLine)
      : mimeType === "video/VP8" || mimeType === "video/rtx",
  );
  if (video && kept.length > 0) video.setCodecPreferences(kept);
}

/** The stream of video, unless there is none or it was refused. */
export function videoOf(connection: RTCPeerConnection): RTCRtpTransceiver | undefined {
  return connection.getTransceivers().find(
    ({ receiver, direction, currentDirection }) =>
      receiver.track.kind === "video" && direction !== "stopped" && currentDirection !== "stopped",
  );
}

function theirsOf(connection: RTCPeerConnection): MediaStreamTrack | undefined {
  const video = videoOf(connection);
  const shows = video?.currentDirection === "sendrecv" || video?.currentDirection === "recvonly";
  return shows ? video.receiver.track : undefined;
}

/** Whether an offer shows a picture (RFC 3264 section 5.1). */
export function offersPictures(sdp: string): boolean {
  const video = sdp.split(/^(?=m=)/m).find((part) => part.startsWith("m=video "));
  return video !== undefined && !video.startsWith("m=video 0 ") && !/^a=(recvonly|inactive)\s*$/m.test(video);
}
