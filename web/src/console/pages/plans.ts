// What calling plans are as forms and on the command line. Pure.

import type { components } from "../../api/schema";

export type Plan = components["schemas"]["PlanDetails"];
export type Use = components["schemas"]["UseShown"];
type Group = components["schemas"]["GroupShown"];
export type Settings = Pick<Plan, "home" | "domestic" | "international" | "groups" | "pooled" | "when_spent" | "increment_s" | "most">;

export const UNLIMITED = "unlimited";

/** What is typed of a plan. */
export type Typed = Record<"home" | "domestic" | "international" | "groups" | "pooled" | "when_spent" | "increment_s" | "most", string>;

export const NEW: Typed = {
  home: "", domestic: "0", international: "0", groups: "", pooled: "", when_spent: "refuse", increment_s: "60", most: "",
};

export const minutesAs = (minutes: number | null) => (minutes === null ? UNLIMITED : String(minutes));

/** Minutes as they are typed; what is no number stays so, for the site to refuse. */
function minutesOf(text: string): number | null {
  const typed = text.trim().toLowerCase();
  return typed === UNLIMITED ? null : typed === "" ? 0 : Number(typed);
}

const words = (text: string) => text.split(/[\s,]+/).filter((each) => each !== "");

const groupAs = ({ name, countries, minutes }: Group) => `${name}=${countries.join(",")}:${minutesAs(minutes)}`;

/** Lines as `europe=FR,GB:500`, as the command line takes them. */
export function groupsOf(text: string): Group[] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [, name = "", countries = "", minutes = ""] = /^\s*([^=]*?)\s*=\s*([^:]*?)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    return { name: name === "" ? line.trim() : name, countries: words(countries), minutes: minutesOf(minutes) };
  });
}

/** All that a plan says of itself, but for who has it. */
export function settingsOf({ home, domestic, international, groups, pooled, when_spent, increment_s, most }: Settings): Settings {
  return { home, domestic, international, groups, pooled, when_spent, increment_s, most };
}

export function typedOf(plan: Settings): Typed {
  return {
    home: plan.home.join(" "),
    domestic: minutesAs(plan.domestic),
    international: minutesAs(plan.international),
    groups: plan.groups.map(groupAs).join("\n"),
    pooled: plan.pooled ? "yes" : "",
    when_spent: plan.when_spent,
    increment_s: String(plan.increment_s),
    most: plan.most === null ? "" : String(plan.most),
  };
}

export function bodyOf(typed: Typed): Settings {
  return {
    home: words(typed.home),
    domestic: minutesOf(typed.domestic),
    international: minutesOf(typed.international),
    groups: groupsOf(typed.groups),
    pooled: typed.pooled === "yes",
    when_spent: typed.when_spent === "credit" ? "credit" : "refuse",
    increment_s: Number(typed.increment_s),
    most: typed.most.trim() === "" ? null : Number(typed.most),
  };
}

/** What `isthmus plan set` is given, of what is different from `were`; all of it where there was no plan. */
export function optionsOf(typed: Typed, were?: Typed): Record<string, string | string[] | boolean> {
  const { home, groups, ...body } = bodyOf(typed);
  const other = (name: keyof Typed) => were === undefined ? typed[name] !== NEW[name] : typed[name] !== were[name];
  const lines = groups.map(groupAs);
  return {
    ...(other("home") ? { home } : {}),
    ...(other("domestic") ? { domestic: minutesAs(body.domestic) } : {}),
    ...(other("international") ? { international: minutesAs(body.international) } : {}),
    ...(other("groups") ? { group: lines.length === 0 ? ["none"] : lines } : {}),
    ...(other("pooled") ? { [body.pooled ? "shared" : "each"]: true } : {}),
    ...(other("when_spent") ? { then: typed.when_spent } : {}),
    ...(other("increment_s") ? { increment: typed.increment_s } : {}),
    ...(other("most") ? { most: typed.most.trim() === "" ? "any" : typed.most } : {}),
  };
}

/** The last months, the present one first, as 2026-11 (UTC, as minutes are counted). */
export function months(now: Date, count: number): string[] {
  return Array.from({ length: count }, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7));
}

/** To whom a plan is given, or from whom it is taken. */
export interface Target {
  kind: "person" | "group" | "licence";
  name: string;
}

/** `target` as the API takes it. */
export function bodyFor({ kind, name }: Target) {
  return {
    people: kind === "person" ? [name] : [],
    groups: kind === "group" ? [name] : [],
    licences: kind === "licence" ? [name] : [],
  };
}

/** What `isthmus plan assign` and `unassign` are given of it, behind the plan's name: words, and options. */
export function wordsFor({ kind, name }: Target, rank = ""): [string[], Record<string, string>] {
  if (kind === "person") return [[name], {}];
  return [[], { [kind]: name, ...(rank === "" || rank === "0" ? {} : { rank }) }];
}

/** What somebody or something had of plans: which one, by what, or with which rank. */
export interface Had {
  plan: string | null;
  /** By a group or a licence, and not by name. */
  byOther: boolean;
  rank: number;
}

/** The plan that gives back what was had; empty where it was none, or comes back by itself. */
export function backTo({ plan, byOther }: Had): string {
  return plan === null || byOther ? "" : plan;
}
