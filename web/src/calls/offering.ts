// Offers the media of a call anew, where the other end may say no. JsSIP's own way ends the call then, so its private
// members are used here; its version is locked, and tests/interop/test_web_video.py goes this way.

import type { RTCSession } from "jssip/lib/RTCSession";

export type Outcome = "taken" | "refused" | "over";

interface Answered {
  status_code: number;
}

interface Inside {
  _setLocalMediaStatus(): void;
  _sendReinvite(options: {
    eventHandlers: { succeeded: () => void; failed: (response?: Answered) => void };
    extraHeaders?: string[];
  }): void;
}

const AGAIN_MS = 200;
const REQUEST_PENDING = 491;
// Who began the call waits longer (RFC 3261 section 14.1).
const PENDING_MS = { outgoing: [2100, 1900], incoming: [0, 2000] } as const;

/** Offer what the connection has to offer now. Asks again while another offer is under way at either end. */
export async function offerAnew(session: RTCSession): Promise<Outcome> {
  for (;;) {
    if (session.isEnded()) return "over";
    if (!session.isEstablished() || !session.isReadyToReOffer()) {
      await later(AGAIN_MS);
      continue;
    }
    const code = await offered(session as unknown as Inside);
    if (code === undefined) return "taken";
    if (session.isEnded()) return "over";
    await takeBack(session.connection);
    if (code !== REQUEST_PENDING) return "refused";
    const [least, more] = PENDING_MS[session.direction.toString() as "incoming" | "outgoing"];
    await later(least + Math.random() * more);
  }
}

/** The status that it was refused by; undefined where it was not. */
function offered(session: Inside): Promise<number | undefined> {
  return new Promise((told) => {
    session._setLocalMediaStatus();
    session._sendReinvite({
      eventHandlers: {
        succeeded: () => { told(undefined); },
        failed: (response) => { told(response?.status_code ?? 0); },
      },
    });
  });
}

async function takeBack(connection: RTCPeerConnection): Promise<void> {
  if (connection.signalingState === "have-local-offer") await connection.setLocalDescription({ type: "rollback" });
}

function later(ms: number): Promise<void> {
  return new Promise((then) => { window.setTimeout(then, ms); });
}
