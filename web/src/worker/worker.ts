// The service worker of the phone: says clearly that there is no network, and brings a click on a notification to the
// page. It keeps nothing: what the page is made of the browser keeps by itself, and without a site there is no phone.

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetched extends Extendable {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface Clicked extends Extendable {
  readonly notification: Notification;
  readonly action: string;
}

interface Tab {
  readonly id: string;
  postMessage(message: unknown): void;
  focus(): Promise<unknown>;
}

/** What a page asks to be shown. */
interface Asked extends Extendable {
  readonly data: { title: string; options: NotificationOptions };
  readonly source: Tab | null;
}

interface Worker {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    get(id: string): Promise<Tab | undefined>;
    claim(): Promise<void>;
    openWindow(url: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(name: "install" | "activate", work: (event: Extendable) => void): void;
  addEventListener(name: "message", work: (event: Asked) => void): void;
  addEventListener(name: "fetch", work: (event: Fetched) => void): void;
  addEventListener(name: "notificationclick", work: (event: Clicked) => void): void;
}

const worker = self as unknown as Worker;

const TEXTS = {
  en: ["No connection", "The phone cannot reach its site. Look whether this device has a network.", "Try again"],
  de: ["Keine Verbindung", "Das Telefon erreicht seinen Standort nicht. Sehen Sie nach, ob dieses Gerät ein Netz hat.", "Noch einmal"],
} as const;

function offline(address: string): Response {
  const language = navigator.language.startsWith("de") ? "de" : "en";
  const [title, text, again] = TEXTS[language];
  // Only what stands in the address bar anyway, and no character of it can end the attribute.
  const here = encodeURI(decodeURI(new URL(address).pathname)).replaceAll("'", "%27");
  const page = `<!doctype html><html lang="${language}"><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<main><h1>${title}</h1><p>${text}</p><p><a href="${here}">${again}</a></p></main></html>`;
  return new Response(page, {
    status: 503,
    headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'" },
  });
}

async function brought(notification: Notification, action: string): Promise<void> {
  notification.close();
  const data = notification.data as { tab: string; call?: string };
  const tab = await worker.clients.get(data.tab);
  if (tab === undefined) {
    await worker.clients.openWindow("/phone/");
    return;
  }
  tab.postMessage({ action, call: data.call });
  if (action !== "decline") await tab.focus().catch(() => undefined);
}

worker.addEventListener("install", (event) => { event.waitUntil(worker.skipWaiting()); });
worker.addEventListener("activate", (event) => { event.waitUntil(worker.clients.claim()); });
worker.addEventListener("fetch", (event) => {
  // The page alone: all else goes as it went without.
  if (event.request.mode !== "navigate") return;
  event.respondWith(fetch(event.request).catch(() => offline(event.request.url)));
});
// Shown here rather than by the page, for here it is known which tab asks: a click is brought to that one.
worker.addEventListener("message", (event) => {
  const { data: { title, options }, source } = event;
  const data = { ...(options.data as object), tab: source?.id ?? "" };
  event.waitUntil(worker.registration.showNotification(title, { ...options, data }));
});
worker.addEventListener("notificationclick", (event) => { event.waitUntil(brought(event.notification, event.action)); });
