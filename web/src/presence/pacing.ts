// Of very many changes the page shows a few in each frame, so that it stays usable meanwhile. Without a browser, so that
// tests can have it.

const BUDGET_MS = 6; // of the 16 of a frame
const FIRST = 20;
const LEAST = 4;
const MOST = 500;

interface Settings {
  tell: (name: string) => void;
  /** Calls what it is given before the next picture is drawn. */
  frame: (work: () => void) => void;
  now: () => number;
}

/** Tells of each name once, however often it was added since; the oldest first. */
export class Pacer {
  private readonly waiting = new Set<string>();
  private most = FIRST;
  private asked = false;

  constructor(private readonly settings: Settings) {}

  readonly add = (name: string): void => {
    this.waiting.add(name);
    this.ask();
  };

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    this.settings.frame(() => {
      this.asked = false;
      this.work();
    });
  }

  private work(): void {
    const began = this.settings.now();
    let left = this.most;
    for (const name of this.waiting) {
      if (left-- === 0) break;
      this.waiting.delete(name);
      this.settings.tell(name);
    }
    const full = left < 0;
    // React draws what it was told of in a microtask that it asked for before this one.
    queueMicrotask(() => {
      const took = Math.max(this.settings.now() - began, 0.1);
      if (full) this.most = Math.round(Math.min(Math.max((this.most * BUDGET_MS) / took, LEAST, this.most / 2), MOST, this.most * 2));
      if (this.waiting.size > 0) this.ask();
    });
  }
}
