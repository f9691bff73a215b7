// What belongs to this tab alone, over reloads: its name towards the site (RFC 5626 section 4.1), its device, its calls.

const INSTANCE = "isthmus.instance";
const OURS = "isthmus.";
const LOCK = "isthmus.tab.";

let own: Promise<string> | undefined;

/**
 * This tab's instance id. A tab that was duplicated begins with a copy of all that the first one has: it forgets that,
 * or two pages would answer for one phone.
 */
export function instanceOfTab(): Promise<string> {
  own ??= claimed();
  return own;
}

async function claimed(): Promise<string> {
  const kept = sessionStorage.getItem(INSTANCE);
  if (kept !== null && (await locked(kept))) return kept;
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(OURS)) sessionStorage.removeItem(key);
  }
  const made = crypto.randomUUID();
  sessionStorage.setItem(INSTANCE, made);
  await locked(made);
  return made;
}

/** Whether nobody else has it; then it is this page's until that is gone. */
function locked(instance: string): Promise<boolean> {
  return new Promise((told) => {
    void navigator.locks.request(`${LOCK}${instance}`, { ifAvailable: true }, (lock) => {
      told(lock !== null);
      return lock === null ? undefined : new Promise<void>(() => undefined);
    });
  });
}
