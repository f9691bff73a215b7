// Contacts out of a file: CSV as Outlook, Google and others write it, or vCards (RFC 6350, and versions before).

import ICAL from "ical.js";
import Papa from "papaparse";
import type { Entry } from "./kept";

/** What could not be taken. at: which row or card of the file, from 1. */
export interface Fault {
  at: number;
  name: string;
  why: "noAddress" | "unreadable";
}

export interface Found {
  entries: Entry[];
  faults: Fault[];
}

interface Raw {
  name: string;
  /** SIP addresses, most wanted first. */
  sip: string[];
  mail: string[];
  phones: string[];
  groups: string[];
}

const MOST_NAME = 100;
const MOST_GROUPS = 10;
const CARD = /BEGIN:VCARD[\s\S]*?END:VCARD/gi;
const NAME = /^(display ?name|full ?name|name|anzeigename)$/i;
const FIRST = /^(first|given) ?name$|^vorname$/i;
const LAST = /^(last|family) ?name$|^(surname|nachname)$/i;
const SIP = /sip|^address$|^adresse$/i;
const MAIL = /e-?mail/i;
const PHONE = /phone|mobile|number|^tel|rufnummer|telefon|mobil/i;
const GROUPS = /categor|group|label|gruppe|kategorie/i;

/** A number in E.164 out of how people write it; undefined where its country is not told. */
export function numberOf(text: string): string | undefined {
  const plain = text.replace(/^tel:/i, "").replace(/[\s().\-/]/g, "").replace(/^00/, "+");
  return /^\+[1-9]\d{6,14}$/.test(plain) ? plain : undefined;
}

/** What is in a file. domain: one's own, whose addresses are known to be people's here. */
export function contactsIn(text: string, domain: string): Found {
  const plain = text.replace(/^\uFEFF/, "");
  const raws = /^\s*BEGIN:VCARD/i.test(plain) ? cards(plain) : rows(plain);
  const entries = new Map<string, Entry>();
  const faults: Fault[] = [];
  raws.forEach((raw, index) => {
    const entry = raw && entryOf(raw, domain);
    if (entry) entries.set(entry.address, entry);
    else faults.push({ at: index + 1, name: raw?.name ?? "", why: raw ? "noAddress" : "unreadable" });
  });
  return { entries: [...entries.values()], faults };
}

/** By whichever of its addresses somebody can be called. */
function entryOf({ name, sip, mail, phones, groups }: Raw, domain: string): Entry | undefined {
  const own = [...sip, ...mail].find((each) => each.toLowerCase().endsWith(`@${domain.toLowerCase()}`));
  const number = phones.map(numberOf).find((each) => each !== undefined);
  const address = own ?? sip[0] ?? number;
  if (address === undefined) return undefined;
  const names = [...new Set(groups.map((each) => each.trim()).filter((each) => each !== "" && !each.startsWith("*")))];
  return {
    address: address.toLowerCase(),
    name: name.trim().slice(0, MOST_NAME),
    number: address === number ? "" : (number ?? ""),
    groups: names.slice(0, MOST_GROUPS).map((each) => each.slice(0, MOST_NAME)),
  };
}

function rows(text: string): Raw[] {
  const { data } = Papa.parse<Record<string, unknown>>(text, { header: true, skipEmptyLines: "greedy" });
  return data.map((row) => {
    const fields = Object.entries(row).map(([title, value]) => [title.trim(), String(value).trim()] as const);
    const of = (title: RegExp, ...not: RegExp[]) =>
      fields.filter(([each, value]) => value !== "" && title.test(each) && !not.some((one) => one.test(each))).map(([, value]) => value);
    const whole = of(NAME)[0] ?? [...of(FIRST), ...of(LAST)].join(" ");
    return {
      name: whole,
      sip: of(SIP, MAIL).map(bare).filter((each) => each.includes("@")),
      mail: of(MAIL).filter((each) => each.includes("@")),
      // What one program writes into a column of addresses may be a number.
      phones: [...of(PHONE), ...of(SIP, MAIL).filter((each) => !each.includes("@"))],
      groups: of(GROUPS).flatMap((each) => each.split(/ ::: |[;,]/)),
    };
  });
}

const bare = (uri: string) => uri.replace(/^sips?:/i, "").split(/[;?]/)[0] ?? "";

function cards(text: string): (Raw | undefined)[] {
  return [...text.matchAll(CARD)].map(([card]) => {
    try {
      const read = new ICAL.Component(ICAL.parse(card) as unknown[]);
      const of = (name: string) =>
        read.getAllProperties(name).flatMap((each): unknown[] => each.getValues()).flat().map(String);
      return {
        name: of("fn")[0] ?? "",
        sip: of("impp").concat(of("x-sip")).filter((each) => /^sips?:/i.test(each)).map(bare),
        mail: of("email"),
        phones: of("tel"),
        groups: of("categories").flatMap((each) => each.split(",")),
      };
    } catch {
      return undefined;
    }
  });
}
