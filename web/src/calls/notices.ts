// Tells of calls and messages while the page is not seen, by notifications of the browser. Shown by the service worker,
// for only its notifications have buttons. No server of anybody else's has a part in it, so the page has to be open.

import { say } from "../messages";
import type { Call } from "./model";

const TEXT_MOST = 160;
const TRIES = 3;
const TRY_MS = 1500;
// A worker that is just being started or replaced may miss what it is told; what was shown once is not shown again.
const shown = new Set<string>();

/** Whether this browser has notifications and may be asked, or was. */
export function permission(): NotificationPermission | "unsupported" {
  return "Notification" in window && "serviceWorker" in navigator ? Notification.permission : "unsupported";
}

/** Ask for permission; only good in a click. */
export const ask = () => Notification.requestPermission();

/** Whether somebody looks at the page. */
export const isSeen = () => document.visibilityState === "visible" && document.hasFocus();

export interface Clicked {
  readonly action: string;
  readonly call?: string;
}

/** Start the worker. onClick: what was clicked in a notification of this page. */
export function listen(onClick: (clicked: Clicked) => void): () => void {
  if (!("serviceWorker" in navigator)) return () => undefined;
  const heard = ({ data }: MessageEvent) => { onClick(data as Clicked); };
  navigator.serviceWorker.addEventListener("message", heard);
  // A page without one is good for everything else.
  navigator.serviceWorker.register("/phone/worker.js", { scope: "/phone/", updateViaCache: "none" }).catch(() => undefined);
  return () => { navigator.serviceWorker.removeEventListener("message", heard); };
}

/** Tell of calls that came in since, and take back what is told of calls that ring no more. own: the name of this tab. */
export async function tellOfCalls(calls: readonly Call[], nameOf: (call: Call) => string, own: string): Promise<void> {
  if (permission() !== "granted") return;
  const ringing = calls.filter(({ stage }) => stage === "incoming");
  const worker = await navigator.serviceWorker.ready;
  const tagOf = ({ id }: Call) => `call-${own}-${id}`;
  const told = (await worker.getNotifications()).filter(({ tag }) => tag.startsWith(`call-${own}-`));
  for (const each of told) {
    shown.add(each.tag);
    if (!ringing.some((call) => each.tag === tagOf(call))) each.close();
  }
  if (isSeen()) return;
  for (const call of ringing) {
    if (shown.has(tagOf(call))) continue;
    show(worker, nameOf(call), {
      body: say("stage.incoming"),
      tag: tagOf(call),
      requireInteraction: true,
      data: { call: call.id },
      actions: [{ action: "answer", title: say("answer") }, { action: "decline", title: say("decline") }],
    });
  }
}

/** Tell of a message. A newer one of the same conversation takes its place. */
export async function tellOfMessage(chat: string, from: string, text: string): Promise<void> {
  if (permission() !== "granted" || isSeen()) return;
  const body = text.length > TEXT_MOST ? `${text.slice(0, TEXT_MOST)} …` : text;
  const tag = `chat-${chat}`;
  const worker = await navigator.serviceWorker.ready;
  const isShown = async () => (await worker.getNotifications({ tag })).some((each) => each.body === body);
  for (let tries = 0; tries < TRIES && !(await isShown()); tries++) {
    show(worker, from, { body, tag, data: {} });
    await new Promise((then) => window.setTimeout(then, TRY_MS));
  }
}

interface Options extends NotificationOptions {
  actions?: readonly { action: string; title: string }[];
}

function show(worker: ServiceWorkerRegistration, title: string, options: Options): void {
  worker.active?.postMessage({ title, options });
}
