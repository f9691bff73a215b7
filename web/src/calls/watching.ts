// Whether the other end is still heard. A browser whose network has changed is told nothing, for a long time: its
// connection to the site is silently dead. That no packets come is seen first.

export const SILENT_MS = 4000; // browsers ask their way every two and a half seconds, and are answered
const AGAIN_MS = 10_000;

/** Watches one call. */
export class Watch {
  private packets = 0;
  private changed = 0;
  private acted: number | undefined;

  /**
   * packets: received so far; undefined while none are due. connected: whether ICE has a way. now: in milliseconds.
   * Gives whether the connection should be made anew now: once, and again only while there is no way at all.
   */
  seen(packets: number | undefined, connected: boolean, now: number): boolean {
    if (packets === undefined || packets !== this.packets) {
      this.packets = packets ?? 0;
      this.changed = now;
      this.acted = undefined;
      return false;
    }
    if (this.packets === 0 || now - this.changed < SILENT_MS) return false;
    if (this.acted !== undefined && (connected || now - this.acted < AGAIN_MS)) return false;
    this.acted = now;
    return true;
  }
}
