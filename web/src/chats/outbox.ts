// What was written and has no answer yet. It is sent in its order, again and again until there is one: the id keeps it
// from being there twice. Kept for the tab, so that a reload loses nothing.

import { Refused, type Live } from "../live/connection";
import type { Message } from "./model";

export interface Waiting {
  id: string;
  chat: string;
  text: string;
  file?: { id: string; name: string } | undefined;
  /** Why the site refused it; it is not tried again by itself then. */
  refused?: string | undefined;
}

const KEY = "isthmus.outbox";
const AGAIN_MS = 3000;

function stored(): Waiting[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as Waiting[];
  } catch {
    return [];
  }
}

export class Outbox {
  private waiting: readonly Waiting[] = stored();
  private readonly watchers = new Set<() => void>();
  private sending = false;
  private timer: number | undefined;

  constructor(
    private readonly live: Live,
    private readonly sent: (message: Message) => void,
  ) {}

  readonly snapshot = (): readonly Waiting[] => this.waiting;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  add(message: Waiting): void {
    this.put([...this.waiting, message]);
    void this.send();
  }

  again(id: string): void {
    this.put(this.waiting.map((each) => (each.id === id ? { ...each, refused: undefined } : each)));
    void this.send();
  }

  discard(id: string): void {
    this.put(this.waiting.filter((each) => each.id !== id));
  }

  /** Send what waits, one after the other. Called when there is something, and when the connection is back. */
  async send(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    window.clearTimeout(this.timer);
    try {
      for (;;) {
        const next = this.waiting.find(({ refused }) => refused === undefined);
        if (!next) return;
        try {
          const { id, chat, text, file } = next;
          this.sent((await this.live.ask("chat.send", { chat, message: id, text, ...(file && { file: file.id }) })) as Message);
          this.discard(id);
        } catch (error) {
          if (!(error instanceof Refused)) {
            this.timer = window.setTimeout(() => void this.send(), AGAIN_MS);
            return;
          }
          this.put(this.waiting.map((each) => (each.id === next.id ? { ...each, refused: error.what } : each)));
        }
      }
    } finally {
      this.sending = false;
    }
  }

  stop(): void {
    window.clearTimeout(this.timer);
  }

  private put(waiting: readonly Waiting[]): void {
    this.waiting = waiting;
    sessionStorage.setItem(KEY, JSON.stringify(waiting));
    for (const watcher of this.watchers) watcher();
  }
}
