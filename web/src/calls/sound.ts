// Which microphone, speaker and ringing device are used: chosen once, and kept in this browser.

export interface Chosen {
  /** Ids of devices as the browser has them; empty for whatever it takes by itself. */
  readonly microphone: string;
  readonly speaker: string;
  readonly ringer: string;
}

const KEPT = "isthmus.sound";
const NONE: Chosen = { microphone: "", speaker: "", ringer: "" };

export function chosen(): Chosen {
  return { ...NONE, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Chosen>) };
}

export function choose(now: Chosen): void {
  localStorage.setItem(KEPT, JSON.stringify(now));
}

/** What to ask the browser for. A microphone that is gone is no reason to be without one. */
export function microphone(): MediaTrackConstraints | true {
  const { microphone: id } = chosen();
  return id === "" ? true : { deviceId: { ideal: id } };
}

/** Whether this browser lets a page choose where it is heard. */
export const hasSpeakers = () => "setSinkId" in HTMLMediaElement.prototype;

/** Let an element be heard where it was chosen; where that device is gone, wherever the browser likes. */
export function playWhereChosen(element: HTMLElement | null): void {
  if (!(element instanceof HTMLMediaElement) || !hasSpeakers()) return;
  element.setSinkId(chosen().speaker).catch(() => element.setSinkId("")).catch(() => undefined);
}

/** How loud somebody speaks, from 0 to 1, of the samples of an analyser: -60 dB is silence. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, 1 + decibels / 60));
}
