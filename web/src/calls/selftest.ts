// Looks at all that a call needs, one thing after the other: the microphone, the way of signalling, each way to the
// site's TURN server by itself, and sound to the site and back.

import { between, countsOf, type Counts, type Figures } from "./figures";
import { iceServers } from "./ice";
import { only, WAYS } from "./only";
import { chosen, levelOf, microphone } from "./sound";

export const STEPS = ["microphone", "speaker", "signalling", "udp", "tcp", "tls", "echo"] as const;
export type Step = (typeof STEPS)[number];

/** none: there is nothing to look at, as where the site has no TURN server. */
export interface Outcome {
  readonly state: "well" | "failed" | "none";
  /** What was measured, or the browser's words for what went wrong. */
  readonly detail: string;
  readonly figures?: Figures;
}

const LISTEN_MS = 2500;
const TONE_MS = 1000;
const ANSWER_MS = 12_000;
const ECHO_MS = 6000;
const CONNECT_MS = 15_000;
const TONE_HZ = 620;
/** Of levelOf: what no room is below, and what a tone that came back is above. */
const QUIET = 0.05;
const HEARD = 0.3;

const well = (detail: string): Outcome => ({ state: "well", detail });
const failed = (detail: string): Outcome => ({ state: "failed", detail });
const wait = (ms: number) => new Promise<void>((then) => { window.setTimeout(then, ms); });

/** Run all steps in their order; each outcome is told when it is there. registered: whether the phone is now. */
export async function selfTest(registered: () => boolean, onOutcome: (step: Step, outcome: Outcome) => void): Promise<void> {
  const look = async (step: Step, work: () => Promise<Outcome>): Promise<Outcome> => {
    let outcome: Outcome;
    try {
      outcome = await work();
    } catch (error) {
      outcome = failed(error instanceof Error ? error.message : String(error));
    }
    onOutcome(step, outcome);
    return outcome;
  };
  await look("microphone", listen);
  await look("speaker", play);
  await look("signalling", () => signal(registered));
  let servers: RTCIceServer[] = [];
  let trouble: string | undefined;
  try {
    servers = (await iceServers()).iceServers;
  } catch (error) {
    trouble = error instanceof Error ? error.message : String(error);
  }
  let best: RTCIceServer | undefined;
  for (const way of WAYS) {
    const server = only(servers, way);
    const outcome = await look(way, async () => {
      if (trouble !== undefined) return failed(trouble);
      return server ? reach(server) : { state: "none", detail: "" };
    });
    if (outcome.state === "well") best ??= server;
  }
  await look("echo", async () => (best ? echo(best) : { state: trouble === undefined && servers.length === 0 ? "none" : "failed", detail: "" }));
}

async function listen(): Promise<Outcome> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: microphone() });
  try {
    const level = await loudest(stream, LISTEN_MS);
    const name = stream.getAudioTracks()[0]?.label ?? "";
    return level > QUIET ? well(`${name} (${percent(level)})`) : failed(`${name} (${percent(level)})`);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

const percent = (level: number) => `${String(Math.round(level * 100))} %`;

/** The loudest moment of a stream, as levelOf. */
async function loudest(stream: MediaStream, ms: number): Promise<number> {
  const context = new AudioContext();
  try {
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let most = 0;
    const end = performance.now() + ms;
    while (performance.now() < end) {
      await wait(50);
      analyser.getFloatTimeDomainData(samples);
      most = Math.max(most, levelOf(samples));
    }
    return most;
  } finally {
    await context.close();
  }
}

function tone(context: AudioContext, level: number): GainNode {
  const source = new OscillatorNode(context, { frequency: TONE_HZ });
  const gain = new GainNode(context, { gain: level });
  source.connect(gain);
  source.start();
  return gain;
}

/** A tone at the chosen speaker. Whether it is heard only the person knows. */
async function play(): Promise<Outcome> {
  const context = new AudioContext() as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  try {
    await context.setSinkId?.(chosen().speaker);
    await context.resume();
    tone(context, 0.2).connect(context.destination);
    await wait(TONE_MS);
    return context.state === "running" ? well("") : failed(context.state);
  } finally {
    await context.close();
  }
}

/** A connection of its own, as the phone has one; and whether the phone is registered. */
async function signal(registered: () => boolean): Promise<Outcome> {
  const began = performance.now();
  const socket = new WebSocket(`wss://${location.host}/sip`, "sip");
  try {
    const opened = await new Promise<boolean>((then) => {
      socket.onopen = () => { then(true); };
      socket.onerror = () => { then(false); };
      window.setTimeout(() => { then(false); }, ANSWER_MS);
    });
    if (!opened) return failed("WebSocket");
    const took = `${String(Math.round(performance.now() - began))} ms`;
    return registered() ? well(took) : failed("REGISTER");
  } finally {
    socket.close();
  }
}

/** Whether the server gives a relay by this way, and how long that takes. */
async function reach(server: RTCIceServer): Promise<Outcome> {
  const began = performance.now();
  const connection = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: "relay" });
  try {
    let refused = "";
    const found = new Promise<boolean>((then) => {
      connection.onicecandidate = ({ candidate }) => {
        if (candidate?.type === "relay") then(true);
        else if (candidate === null) then(false);
      };
      connection.onicecandidateerror = ({ errorCode, errorText }) => { refused = `${String(errorCode)} ${errorText}`.trim(); };
      window.setTimeout(() => { then(false); }, ANSWER_MS);
    });
    connection.addTransceiver("audio");
    await connection.setLocalDescription();
    return (await found) ? well(`${String(Math.round(performance.now() - began))} ms`) : failed(refused);
  } finally {
    connection.close();
  }
}

/** A tone by the site's relay to a second connection, which sends back what it hears. */
async function echo(server: RTCIceServer): Promise<Outcome> {
  const configuration: RTCConfiguration = { iceServers: [server], iceTransportPolicy: "relay" };
  const near = new RTCPeerConnection(configuration);
  const far = new RTCPeerConnection(configuration);
  const context = new AudioContext();
  try {
    await context.resume();
    const out = context.createMediaStreamDestination();
    tone(context, 0.5).connect(out);
    for (const track of out.stream.getTracks()) near.addTrack(track, out.stream);
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.onicecandidate = ({ candidate }) => { if (candidate) void to.addIceCandidate(candidate).catch(() => undefined); };
    }
    far.ontrack = ({ track, transceiver }) => {
      transceiver.direction = "sendrecv";
      void transceiver.sender.replaceTrack(track);
    };
    const back = new Promise<MediaStream>((then) => { near.ontrack = ({ track }) => { then(new MediaStream([track])); }; });
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription as RTCSessionDescription);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription as RTCSessionDescription);
    if (!(await connected(near))) return failed(near.iceConnectionState);
    const stream = await back;
    // Chromium lets nothing be analysed that no element plays.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    const before = await counted(near);
    const level = await loudest(stream, ECHO_MS);
    const figures = between(before, await counted(near));
    const detail = percent(level);
    return level > HEARD ? { ...well(detail), figures } : { ...failed(detail), figures };
  } finally {
    near.close();
    far.close();
    await context.close();
  }
}

function connected(connection: RTCPeerConnection): Promise<boolean> {
  return new Promise((then) => {
    const look = () => { if (connection.connectionState === "connected") then(true); };
    connection.addEventListener("connectionstatechange", look);
    look();
    window.setTimeout(() => { then(false); }, CONNECT_MS);
  });
}

async function counted(connection: RTCPeerConnection): Promise<Counts> {
  const stats = (await connection.getStats()) as unknown as Map<string, Record<string, unknown>>;
  return countsOf([...stats.values()], performance.now() / 1000);
}
