// The emojis that there are, with their names and what they are found by, as this site serves them: loaded when they are
// first wanted, in the language of the page.

import type { EmojiData, SkinTone } from "frimousse";

/** What browsers of the last years can show. */
const NEWEST = 15;

interface Listed {
  emoji: string;
  label: string;
  version: number;
  group?: number;
  tags?: string[];
  skins?: { emoji: string; tone: number | number[] }[];
}

interface Named {
  groups: { key: string; message: string; order: number }[];
  skinTones: { key: string; message: string }[];
}

const TONES = ["none", "light", "medium-light", "medium", "medium-dark", "dark"] as const;
type Tone = Exclude<(typeof TONES)[number], "none">;

// A language without its own has the English ones.
const LISTS: Readonly<Record<string, () => Promise<{ default: unknown }[]>>> = {
  en: () => Promise.all([import("emojibase-data/en/data.json"), import("emojibase-data/en/messages.json")]),
  de: () => Promise.all([import("emojibase-data/de/data.json"), import("emojibase-data/de/messages.json")]),
};

/** What the picker shows. Nothing is fetched from anywhere else. */
export async function emojis(locale: string): Promise<EmojiData> {
  const own = locale in LISTS ? locale : "en";
  const [list, names] = (await LISTS[own]?.()) ?? [];
  return data(own, list?.default as Listed[], names?.default as Named);
}

/** Of the list and the names of its groups. Pure. */
export function data(locale: string, list: readonly Listed[], names: Named): EmojiData {
  const groups = names.groups.filter(({ key }) => key !== "component");
  const known = new Set(groups.map(({ order }) => order));
  return {
    locale,
    categories: groups.map(({ order, message }) => ({ index: order, label: capital(message) })),
    skinTones: Object.fromEntries(names.skinTones.map(({ key, message }) => [key, message])) as EmojiData["skinTones"],
    emojis: list.flatMap(({ emoji, label, version, group, tags, skins }) =>
      group === undefined || !known.has(group) || version > NEWEST
        ? []
        : [{ emoji, label: capital(label), version, category: group, tags: tags ?? [], ...(skins && { skins: tones(skins) }) }],
    ),
  };
}

const capital = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);

function tones(skins: NonNullable<Listed["skins"]>): Record<Tone, string> {
  return Object.fromEntries(
    skins.flatMap(({ emoji, tone }) => (typeof tone === "number" ? [[TONES[tone], emoji]] : [])),
  ) as Record<Tone, string>;
}

const TONE = "isthmus.skinTone";

/** The skin tone that was chosen in this browser. */
export function kept(): SkinTone {
  const known = localStorage.getItem(TONE) ?? "";
  return (TONES as readonly string[]).includes(known) ? (known as SkinTone) : "none";
}

export function keep(tone: SkinTone): void {
  localStorage.setItem(TONE, tone);
}
