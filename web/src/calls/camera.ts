// Which camera is used: chosen once, and kept in this browser.

import { microphone } from "./sound";

const KEPT = "isthmus.camera";
// Enough for a face; whoever has less gives less.
const SIZE: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };

/** The id of the device as the browser has it; empty for whatever it takes by itself. */
export const chosenCamera = (): string => localStorage.getItem(KEPT) ?? "";

export function chooseCamera(id: string): void {
  localStorage.setItem(KEPT, id);
}

/** What to ask the browser for. A camera that is gone is no reason to be without one. */
export function camera(): MediaTrackConstraints {
  const id = chosenCamera();
  return id === "" ? SIZE : { ...SIZE, deviceId: { ideal: id } };
}

/** The camera's picture. Raises where there is none, or the page may not have it. */
export async function cameraTrack(): Promise<MediaStreamTrack> {
  return trackOf(await navigator.mediaDevices.getUserMedia({ video: camera() }));
}

/** Microphone and camera; without a camera the microphone alone, undefined where that can't be had either. */
export async function seenAndHeard(): Promise<MediaStream | undefined> {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: microphone() });
    await cameraTrack().then((track) => { stream.addTrack(track); }).catch(() => undefined);
    return stream;
  } catch {
    return undefined;
  }
}

/** The picture of a screen, window or tab, which the browser lets its owner choose. Raises where they choose none. */
export async function screenTrack(): Promise<MediaStreamTrack> {
  return trackOf(await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false }));
}

/** Whether this browser lets a page share a screen: those of mobile phones do not. */
export const canShareScreens = () => "getDisplayMedia" in navigator.mediaDevices;

function trackOf(stream: MediaStream): MediaStreamTrack {
  const [track] = stream.getVideoTracks();
  if (!track) throw new Error("no picture");
  return track;
}
