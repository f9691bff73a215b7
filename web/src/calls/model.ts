// What the page shows of the phone: values that are replaced, never changed.

export type Line = "connecting" | "registered" | "unregistered" | "refused";
export type Stage = "calling" | "ringing" | "incoming" | "talking" | "over";
export type Why = "busy" | "declined" | "absent" | "unknown" | "microphone" | "failed";

/** What is to be seen of a call that is up. */
export interface Seen {
  /** What is shown here: of the screen, else of the camera. */
  readonly mine?: MediaStreamTrack;
  readonly theirs?: MediaStreamTrack;
  readonly camera: boolean;
  readonly screen: boolean;
  /** The other end sees nothing of it for now. */
  readonly paused: boolean;
  /** The other end has nothing for pictures. */
  readonly refused: boolean;
}

export interface Call {
  readonly id: string;
  /** The other end, as a SIP URI, and by name where it gave one. */
  readonly uri: string;
  readonly name: string;
  readonly stage: Stage;
  readonly muted: boolean;
  readonly held: boolean;
  /** Whether a call that comes in shows a picture. */
  readonly shows?: boolean;
  readonly seen?: Seen;
  /** When it was answered, in milliseconds since 1970. */
  readonly since?: number;
  /** How it stands with a transfer that the other end was asked for. */
  readonly transfer?: "asked" | "failed";
  /** Why it is over, where that was not somebody hanging up. */
  readonly why?: Why;
}

export interface State {
  readonly line: Line;
  readonly calls: readonly Call[];
}

export const EMPTY: State = { line: "connecting", calls: [] };

/** The state with that call put in, or in the place of what it was. */
export function withCall(state: State, call: Call): State {
  const known = state.calls.some((each) => each.id === call.id);
  const calls = known ? state.calls.map((each) => (each.id === call.id ? call : each)) : [...state.calls, call];
  return { ...state, calls };
}

export function withoutCall(state: State, id: string): State {
  return { ...state, calls: state.calls.filter((each) => each.id !== id) };
}

export const isUp = (call: Call) => call.stage !== "over";

/** Which tone is to be heard here: one's own ringing goes before that of the other end. None while one talks. */
export function toneOf(calls: readonly Call[]): "ring" | "ringback" | undefined {
  if (calls.some((call) => call.stage === "talking" && !call.held)) return undefined;
  if (calls.some((call) => call.stage === "incoming")) return "ring";
  return calls.some((call) => call.stage === "ringing") ? "ringback" : undefined;
}

/** Why a call came to nothing, by the SIP status code (RFC 3261 section 21); undefined where it was simply ended. */
export function whyOf(code: number | undefined): Why | undefined {
  if (code === undefined || code === 487) return undefined;
  if (code === 486 || code === 600) return "busy";
  if (code === 603 || code === 403) return "declined";
  if (code === 404 || code === 604 || code === 484) return "unknown";
  return code === 480 || code === 408 ? "absent" : "failed";
}
