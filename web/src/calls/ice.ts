// The site's STUN and TURN servers. Their credential holds for an hour or so: a new one is fetched in good time.

import { api, told } from "../api/client";

/** For how long ways are looked for before a call goes on with those there are: one that is blocked never answers. */
const GATHER_MS = 800;
const AGAIN_S = 30;

interface Given {
  iceServers: RTCIceServer[];
  lifetime_s: number;
}

export async function iceServers(): Promise<Given> {
  return told(await api.GET("/v1/media/ice")) as Given;
}

export class Ways {
  private servers: RTCIceServer[] = [];
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

  private async fetch(): Promise<void> {
    let seconds = AGAIN_S;
    try {
      const given = await iceServers();
      this.servers = given.iceServers;
      seconds = given.lifetime_s / 2;
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
