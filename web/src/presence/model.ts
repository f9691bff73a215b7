// What is known of people's presence. Without a browser, so that tests can have it.

export type Availability = "available" | "busy" | "do-not-disturb" | "away" | "offline" | "unknown";
export type Version = readonly [number, number, number];

export interface Presence {
  aor: string;
  home: string;
  version: Version;
  availability: Availability;
  in_call: boolean;
  out_of_office: boolean;
  note: string;
  location: string;
  time_zone: string;
  /** Unix seconds since when they are so; 0 where that is not told. */
  since: number;
}

export type Shows = "everything" | "availability" | "nothing";

export interface Chosen {
  availability: "" | Availability;
  until_ms: number;
  note: string;
  out_of_office: boolean;
  out_until_ms: number;
  location: string;
  time_zone: string;
  exceptions: readonly string[];
  shows: Shows;
  trusted: readonly string[];
}

export interface Mine {
  state: Presence;
  chosen: Chosen;
}

/** Whether `a` was told after `b`: numbers are compared from the left. */
export function isNewer(a: Version, b: Version): boolean {
  for (let place = 0; place < 3; place++) {
    const step = (a[place] ?? 0) - (b[place] ?? 0);
    if (step !== 0) return step > 0;
  }
  return false;
}

/** What is told of many people: kept by address, and passed on to who looks at one of them. */
export class Book {
  private readonly people = new Map<string, Presence>();
  private readonly lookers = new Map<string, Set<() => void>>();
  private homes: Readonly<Record<string, boolean>> = {};
  /** Told when somebody is looked at for the first time, and when nobody looks any more. */
  onWatch: (aor: string, watched: boolean) => void = () => undefined;
  /** Asked to tell who looks at somebody, at once or later. */
  onChange: (aor: string) => void = (aor) => { this.tell(aor); };

  readonly of = (aor: string): Presence | undefined => this.people.get(aor);

  /** Whether what is known of somebody is of now: false while their home can't be heard. */
  isCurrent(one: Presence): boolean {
    return this.homes[one.home] !== false;
  }

  look(aor: string, looker: () => void): () => void {
    const those = this.lookers.get(aor) ?? new Set();
    this.lookers.set(aor, those.add(looker));
    if (those.size === 1) this.onWatch(aor, true);
    return () => {
      those.delete(looker);
      if (those.size > 0) return;
      this.lookers.delete(aor);
      this.people.delete(aor);
      this.onWatch(aor, false);
    };
  }

  /** Everybody who is looked at. */
  watched(): string[] {
    return [...this.lookers.keys()];
  }

  /** Take what was told, unless something newer was. anew: whatever was told before. */
  take(one: Presence, anew = false): void {
    const before = this.people.get(one.aor);
    if (!this.lookers.has(one.aor) || (!anew && before && !isNewer(one.version, before.version))) return;
    this.people.set(one.aor, one);
    this.onChange(one.aor);
  }

  hear(homes: Readonly<Record<string, boolean>>): void {
    const before = this.homes;
    this.homes = homes;
    for (const [aor, one] of this.people) {
      if ((before[one.home] !== false) === this.isCurrent(one)) continue;
      this.people.set(aor, { ...one });
      this.onChange(aor);
    }
  }

  /** Tell who looks at somebody. */
  tell(aor: string): void {
    for (const looker of this.lookers.get(aor) ?? []) looker();
  }
}
