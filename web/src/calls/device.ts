// This browser's own credential: a device of the person's, made when the phone is opened. The secret is kept for this
// tab alone (sessionStorage), so a reload goes on with the same one; signing out revokes it.

import { api, told } from "../api/client";
import type { Credential } from "./phone";
import { instanceOfTab } from "./tab";

const KEPT = "isthmus.device";
const LABEL = "Browser";
const UNUSED_MS = 24 * 3600 * 1000;
const LOST_MS = 3600 * 1000; // a tab that is open registers every five minutes

interface Made {
  name: string;
  secret: string;
}

export async function credentialOf(aor: string): Promise<Credential> {
  const instance = await instanceOfTab();
  const kept = read();
  if (kept?.aor === aor && (await isGood(kept.name))) return { ...kept, instance };
  const label = `${LABEL} ${crypto.randomUUID().slice(0, 6)}`;
  const make = async () => told(await api.POST("/v1/devices", { body: { aor, label, md5: false } })) as unknown as Made;
  const made = await make().catch(async (error: unknown) => {
    // A person may have so many: tabs of today that are gone make room.
    if ((await removeUnused(aor, LOST_MS)) === 0) throw error;
    return make();
  });
  const credential = { aor, name: made.name, secret: made.secret, instance };
  sessionStorage.setItem(KEPT, JSON.stringify(credential));
  void removeUnused(aor, UNUSED_MS).catch(() => undefined); // another tab will
  return credential;
}

/** Revoke it: whatever this tab has is good for nothing then. */
export async function revoke(): Promise<void> {
  const kept = read();
  sessionStorage.removeItem(KEPT);
  if (kept) await api.DELETE("/v1/devices/{device}", { params: { path: { device: kept.name } } });
}

function read(): Credential | undefined {
  const kept = sessionStorage.getItem(KEPT);
  return kept === null ? undefined : (JSON.parse(kept) as Credential);
}

/** Only what the site knows nothing of is given up: a site that can't answer now takes nothing from this tab. */
async function isGood(name: string): Promise<boolean> {
  const answer = await api.GET("/v1/devices/{device}", { params: { path: { device: name } } });
  return answer.response.status !== 404;
}

/** Tabs that were closed leave their credential behind: whatever was not used for so long goes. Gives how many. */
async function removeUnused(aor: string, unusedMs: number): Promise<number> {
  const devices = told(await api.GET("/v1/devices", { params: { query: { aor } } })) as unknown as {
    name: string;
    label: string;
    created: number;
    last_use: { at: number } | null;
  }[];
  const before = Date.now() - unusedMs;
  let count = 0;
  for (const { name, label, created, last_use: use } of devices) {
    if (label.startsWith(`${LABEL} `) && (use?.at ?? created) * 1000 < before) {
      await api.DELETE("/v1/devices/{device}", { params: { path: { device: name } } });
      count++;
    }
  }
  return count;
}
