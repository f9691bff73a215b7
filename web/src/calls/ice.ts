// The site's STUN and TURN servers. Their credential holds for an hour or so: a new one is fetched in good time.

import { api, told } from "../api/client";

/** For how long ways are looked for before a call goes on with those there are: one that is blocked never answers. */
const GATHER_MS = 800;
const AGAIN_S = 30;
/** For how long a call that has lost its way waits for a new credential. */
const RENEWED_MS = 3000;

interface Given {
  iceServers: RTCIceServer[];
  lifetime_s: number;
}

export async function iceServers(): Promise<Given> {
  return told(await api.GET("/v1/media/ice")) as Given;
}

export class Ways {
  private servers: RTCIceServer[] = [];
  /** When a new credential is due, by the clock on the wall: timers stand still while a computer sleeps. */
  private due = 0;
  private asking: Promise<void> | undefined;
  private timer: number | undefined;
  private started = false;

  start(): void {
    this.started = true;
    void this.fetch();
  }

  stop(): void {
    this.started = false;
    window.clearTimeout(this.timer);
  }

  /** For a connection that is made now. Until the site has answered: none, as where it has no such server. */
  configuration(): RTCConfiguration {
    return { iceServers: this.servers };
  }

  /** The same, with a new credential where one is due and the site answers soon: for calls that begin anew. */
  async renewed(): Promise<RTCConfiguration> {
    if (Date.now() >= this.due) {
      await Promise.race([this.fetch(), new Promise((late) => { window.setTimeout(late, RENEWED_MS); })]);
    }
    return this.configuration();
  }

  private fetch(): Promise<void> {
    this.asking ??= this.ask().finally(() => { this.asking = undefined; });
    return this.asking;
  }

  private async ask(): Promise<void> {
    window.clearTimeout(this.timer);
    let seconds = AGAIN_S;
    try {
      const given = await iceServers();
      this.servers = given.iceServers;
      seconds = given.lifetime_s / 2;
      this.due = Date.now() + seconds * 1000;
    } catch {
      // What there is may still hold.
    }
    if (this.started) this.timer = window.setTimeout(() => void this.fetch(), seconds * 1000);
  }
}

/** Told of each way that was found, lets the call go on when there are enough of them. */
export function enough({ ready }: { ready: () => void }): void {
  window.setTimeout(ready, GATHER_MS);
}
