// A place of emergency calls as it is typed, and as the API has it. Pure.

import type { components } from "../../api/schema";
import { written } from "../parts/written";

export type Place = components["schemas"]["EmergencyPlace"];

/** Parts of a civic address (RFC 5139) that most addresses have, in the order in which they are written. */
export const ELEMENTS = ["RD", "HNO", "PC", "A3", "A1", "FLR", "ROOM"] as const;

export type Typed = Record<(typeof ELEMENTS)[number] | "country" | "further" | "point" | "elins" | "policy" | "default", string>;

export interface Said {
  address: { country: string; elements: Record<string, string> };
  point: { latitude: number; longitude: number } | null;
  elins: string[];
  policy: string;
  default: boolean;
}

export const NOTHING_TYPED: Typed = {
  country: "", RD: "", HNO: "", PC: "", A3: "", A1: "", FLR: "", ROOM: "", further: "", point: "", elins: "", policy: "", default: "",
};

const usual = (name: string): boolean => ELEMENTS.some((each) => each === name);

export function typedOf({ address: { country, elements }, point, elins, policy, default: whole }: Place): Typed {
  const rest = Object.entries(elements).filter(([name]) => !usual(name));
  return {
    ...NOTHING_TYPED,
    ...Object.fromEntries(ELEMENTS.map((each) => [each, elements[each] ?? ""])),
    country,
    further: rest.map(([name, text]) => `${name}=${text}`).join("\n"),
    point: point ? `${String(point.latitude)},${String(point.longitude)}` : "",
    elins: elins.join(", "),
    policy: policy ?? "",
    default: whole ? "yes" : "",
  };
}

/** What was typed. A point that is none, and a line of `further` without `=`, go as they are: the API says what is wrong. */
export function saidOf(typed: Typed): Said {
  const further = lines(typed.further).map((line): [string, string] => {
    const [name = "", ...text] = line.split("=");
    return [name.trim().toUpperCase(), text.join("=").trim()];
  });
  const elements = Object.fromEntries([...ELEMENTS.map((each): [string, string] => [each, typed[each].trim()]), ...further].filter(([name, text]) => !usual(name) || text !== ""));
  return {
    address: { country: typed.country.trim().toUpperCase(), elements },
    point: pointOf(typed.point),
    elins: typed.elins.split(",").map((each) => each.trim()).filter((each) => each !== ""),
    policy: typed.policy.trim(),
    default: typed.default === "yes",
  };
}

/** What is to be said of a place to let it be as it was. */
export const saidBefore = ({ address, point, elins, policy, default: whole }: Place): Said => ({ address, point: point ?? null, elins, policy: policy ?? "", default: whole });

/** What of `said` is another than before. */
export function differences(before: Said, said: Said): Partial<Said> {
  return Object.fromEntries(Object.entries(said).filter(([name, value]) => !same(value, before[name as keyof Said])));
}

/** The same parts of another one. */
export const only = (said: Said, parts: Partial<Said>): Partial<Said> => Object.fromEntries(Object.entries(said).filter(([name]) => name in parts));

/** Whether they are equal; parts of an address stand in any order. */
function same(one: unknown, other: unknown): boolean {
  return written(one) === written(other);
}

const lines = (text: string) => text.split("\n").map((each) => each.trim()).filter((each) => each !== "");

function pointOf(text: string): Said["point"] {
  if (text.trim() === "") return null;
  const [latitude = NaN, longitude = NaN] = text.split(",").map((each) => (each.trim() === "" ? NaN : Number(each)));
  return { latitude, longitude };
}
