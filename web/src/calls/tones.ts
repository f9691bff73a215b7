// Rings, by the browser's own sound: no file has to be loaded.

const RING = { tones: [660, 550], on: 1, every: 3, level: 0.15 };
// As an exchange of the United States has it (ITU-T E.180 Supplement 2).
const RINGBACK = { tones: [440, 480], on: 2, every: 6, level: 0.05 };

export class Ringer {
  private context: AudioContext | undefined;
  private playing: "ring" | "ringback" | undefined;
  private timer: number | undefined;
  private gain: GainNode | undefined;

  private device = "";

  /** Let it be heard at that device from now on; empty: wherever the browser likes. */
  choose(device: string): void {
    this.device = device;
    if (this.context) this.use(this.context);
  }

  private use(context: AudioContext & { setSinkId?: (id: string) => Promise<void> }): void {
    context.setSinkId?.(this.device).catch(() => undefined); // it is gone: heard where it was before
  }

  /** Let this be heard from now on, in the place of what was. */
  play(what: "ring" | "ringback" | undefined): void {
    if (what === this.playing) return;
    this.silence();
    this.playing = what;
    if (what === undefined) return;
    const cadence = what === "ring" ? RING : RINGBACK;
    const burst = () => {
      this.burst(cadence);
    };
    burst();
    this.timer = window.setInterval(burst, cadence.every * 1000);
  }

  private silence(): void {
    window.clearInterval(this.timer);
    this.gain?.disconnect();
    this.gain = undefined;
  }

  private burst({ tones, on, level }: typeof RING): void {
    // Before the first click in a page browsers keep it silent; the call is shown all the same.
    if (!this.context) this.use((this.context = new AudioContext()));
    const context = this.context;
    void context.resume();
    const gain = new GainNode(context, { gain: level });
    gain.connect(context.destination);
    this.gain = gain;
    for (const frequency of tones) {
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(gain);
      tone.start();
      tone.stop(context.currentTime + on);
    }
  }
}
