// The tab's WebSocket to its site: what happens while one looks (src/isthmus/live/api.py says what goes over it).

/** Why the site refused something: the fact, the field it concerns, what can be done. */
export class Refused extends Error {
  constructor(
    readonly what: string,
    readonly where: string,
    readonly advice: string,
  ) {
    super(what);
  }
}

export type Status = "connecting" | "up" | "over";
export type Event = Record<string, unknown> & { event: string };

interface Answer {
  answer: number;
  value: unknown;
}

interface Refusal {
  refused: number;
  what: string;
  where: string;
  do: string;
}

type Told = Event | Answer | Refusal;

const isEvent = (told: Told): told is Event => "event" in told;

interface Question {
  take: (value: unknown) => void;
  refuse: (why: Error) => void;
}

interface Settings {
  url: string;
  /** A token that is good for now; throws where nobody is signed in any more. */
  token: () => Promise<string>;
  socket?: (url: string) => WebSocket;
}

const ALIVE_MS = 20_000; // a network that went away says nothing: it is asked
const RENEW_MS = 4 * 60_000;
const LATE_MS = 8_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const UNAUTHENTICATED = 4401;

/** Milliseconds to wait before the next try: longer each time, and by chance, so that tabs don't come all at once. */
export function pause(failures: number, chance = Math.random()): number {
  const most = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
  return most / 2 + (chance * most) / 2;
}

export class Live {
  private socket: WebSocket | undefined;
  private readonly questions = new Map<number, Question>();
  private readonly listeners = new Map<string, Set<(event: Event) => void>>();
  private readonly watchers = new Set<() => void>();
  private next = 1;
  private failures = 0;
  private timers: number[] = [];
  private now: Status = "connecting";
  private welcome: Event | undefined;

  constructor(private readonly settings: Settings) {}

  start(): void {
    void this.connect();
  }

  stop(): void {
    this.put("over");
    this.socket?.close();
    this.dropped();
  }

  readonly status = (): Status => this.now;

  /** Told when the connection comes and goes. What was followed is to be followed again when it is "up". */
  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  /** Hear events of one name; of "welcome", which comes once, the last one as well. */
  on(name: string, listener: (event: Event) => void): () => void {
    const those = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, those.add(listener));
    if (name === "welcome" && this.welcome) listener(this.welcome);
    return () => those.delete(listener);
  }

  /** Ask the site. Throws Refused, or an Error when the connection is lost before there is an answer. */
  ask(name: string, body: Record<string, unknown> = {}): Promise<unknown> {
    const { socket } = this;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("not connected"));
    const id = this.next++;
    return new Promise((take, refuse) => {
      this.questions.set(id, { take, refuse });
      socket.send(JSON.stringify({ ...body, do: name, id }));
    });
  }

  private async connect(): Promise<void> {
    let token: string;
    try {
      token = await this.settings.token();
    } catch (error) {
      // Signed out is the end; no network is not.
      if (error instanceof TypeError) this.again();
      else this.put("over");
      return;
    }
    if (this.status() === "over") return;
    const socket = this.settings.socket?.(this.settings.url) ?? new WebSocket(this.settings.url);
    this.socket = socket;
    const late = window.setTimeout(() => { socket.close(); }, LATE_MS);
    socket.onopen = () => { socket.send(JSON.stringify({ token })); };
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      window.clearTimeout(late);
      for (const told of JSON.parse(String(data)) as Told[]) this.hear(told);
    };
    socket.onclose = ({ code }) => {
      window.clearTimeout(late);
      if (socket !== this.socket) return;
      this.dropped();
      // A token that is no longer good is got anew once; whoever is signed out learns it there.
      if (code === UNAUTHENTICATED && this.failures > 2) this.put("over");
      if (this.status() !== "over") this.again();
    };
  }

  private hear(told: Told): void {
    if (isEvent(told)) {
      if (told.event === "welcome") this.welcomed(told);
      for (const listener of this.listeners.get(told.event) ?? []) listener(told);
    } else if ("answer" in told) {
      this.take(told.answer)?.take(told.value);
    } else {
      this.take(told.refused)?.refuse(new Refused(told.what, told.where, told.do));
    }
  }

  private take(id: number): Question | undefined {
    const question = this.questions.get(id);
    this.questions.delete(id);
    return question;
  }

  private welcomed(told: Event): void {
    this.welcome = told;
    this.failures = 0;
    this.timers = [
      window.setInterval(() => { this.look(); }, ALIVE_MS),
      window.setInterval(() => { void this.renew(); }, RENEW_MS),
    ];
    this.put("up");
  }

  private look(): void {
    const { socket } = this;
    const late = window.setTimeout(() => { socket?.close(); this.lost(socket); }, LATE_MS);
    this.ask("alive").then(
      () => { window.clearTimeout(late); },
      () => { window.clearTimeout(late); },
    );
  }

  /** A socket whose network went away closes minutes later: it isn't waited for. */
  private lost(socket: WebSocket | undefined): void {
    if (socket !== this.socket) return;
    this.dropped();
    if (this.status() !== "over") this.again();
  }

  private async renew(): Promise<void> {
    try {
      await this.ask("renew", { token: await this.settings.token() });
    } catch {
      this.socket?.close();
    }
  }

  private dropped(): void {
    this.socket = undefined;
    for (const timer of this.timers) window.clearInterval(timer);
    this.timers = [];
    for (const { refuse } of this.questions.values()) refuse(new Error("the connection was lost"));
    this.questions.clear();
    if (this.status() !== "over") this.put("connecting");
  }

  private again(): void {
    window.setTimeout(() => { void this.connect(); }, pause(this.failures++));
  }

  private put(status: Status): void {
    if (this.now === status) return;
    this.now = status;
    for (const watcher of this.watchers) watcher();
  }
}
