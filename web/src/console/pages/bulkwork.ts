// What a change of many people asks of the API: first for the preview, then to do it, then to take it back.

import { api, told } from "../../api/client";
import type { components } from "../../api/schema";
import { chunks, changesPerson, differences, inverse, type Difference, type Edited, type Wanted } from "./bulk";

type Chosen = components["schemas"]["ChosenPlace"];

/** Somebody in the preview and in the report. */
export interface Line {
  aor: string;
  why: string;
  differences: Difference[];
  edited: Edited | null;
  /** The policy of the kind that was granted to them alone; null for none. */
  policy: string | null;
  /** What they chose for all their devices. */
  place: Chosen | null;
}

type Progress = (done: number) => void;
type Told = (enabled: boolean) => string;

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

function bodyOf(people: string[], wanted: Wanted, dryRun: boolean, seen: Record<string, string> = {}) {
  return {
    people,
    enabled: wanted.enabled === "" ? null : wanted.enabled === "yes",
    add_groups: wanted.addGroups,
    remove_groups: wanted.removeGroups,
    seen,
    dry_run: dryRun,
  };
}

/** What would be different for each. The directory's own part by its dry run. */
export async function previewed(people: string[], wanted: Wanted, state: Told, progress: Progress): Promise<Line[]> {
  const grants = wanted.policy === "" ? new Map<string, string>() : await personGrants(wanted.kind);
  const lines: Line[] = [];
  for (const some of chunks(people)) {
    const edited = changesPerson(wanted) ? told(await api.POST("/v1/people/edit", { body: bodyOf(some, wanted, true) })).people : [];
    const byAor = new Map(edited.map((each) => [each.aor, each]));
    for (const aor of some) {
      const each = byAor.get(aor.toLowerCase()) ?? byAor.get(aor) ?? null;
      const line: Line = { aor, why: each?.why ?? "", differences: [], edited: each, policy: grants.get(aor) ?? null, place: null };
      if (wanted.place !== "") await lookForPlace(line);
      line.differences = differencesOf(line, wanted, state);
      lines.push(line);
    }
    progress(lines.length);
  }
  return lines;
}

async function personGrants(kind: string): Promise<Map<string, string>> {
  const policies = told(await api.GET("/v1/policies", { params: { query: { kind } } }));
  return new Map(policies.flatMap(({ name, grants }) => grants.filter(({ level }) => level === "person").map(({ target }) => [target, name] as const)));
}

async function lookForPlace(line: Line): Promise<void> {
  try {
    const chosen = told(await api.GET("/v1/locations/chosen/{aor}", { params: { path: { aor: line.aor } } }));
    line.place = chosen.find(({ device }) => !device) ?? null;
  } catch (error) {
    line.why = line.why || reason(error);
  }
}

const placeOf = (chosen: Chosen | null) => chosen?.place ?? chosen?.own?.words ?? "";

function differencesOf(line: Line, wanted: Wanted, state: Told): Difference[] {
  if (line.why !== "") return [];
  const found = differences(line.edited?.before ?? null, line.edited?.after ?? null, state);
  if (wanted.policy !== "" && line.policy !== wanted.policy) found.push({ what: "policy", before: line.policy ?? "", after: wanted.policy });
  if (wanted.place !== "" && placeOf(line.place) !== wanted.place) found.push({ what: "place", before: placeOf(line.place), after: wanted.place });
  return found;
}

const has = (line: Line, what: Difference["what"]) => line.differences.some((each) => each.what === what);

/** Does what the preview showed. Who was changed since then is left alone, and the report says so. */
export async function applied(lines: Line[], wanted: Wanted, progress: Progress): Promise<Line[]> {
  const report: Line[] = [];
  for (const some of chunks(lines.filter((line) => line.differences.length > 0))) {
    const inDirectory = some.filter((line) => has(line, "state") || has(line, "groups"));
    const seen = Object.fromEntries(inDirectory.flatMap(({ aor, edited }) => (edited?.tag_before ? [[aor, edited.tag_before]] : [])));
    const edited =
      inDirectory.length === 0
        ? []
        : told(await api.POST("/v1/people/edit", { body: bodyOf(inDirectory.map(({ aor }) => aor), wanted, false, seen) })).people;
    const byAor = new Map(edited.map((each) => [each.aor, each]));
    for (const line of some) {
      const done: Line = { ...line, edited: byAor.get(line.aor) ?? null, why: byAor.get(line.aor)?.why ?? "" };
      if (done.why === "") await besideDirectory(done, wanted);
      report.push(done);
    }
    progress(report.length);
  }
  return report;
}

async function besideDirectory(line: Line, wanted: Wanted): Promise<void> {
  try {
    if (has(line, "policy")) {
      told(await api.POST("/v1/policies/grant", { body: { kind: wanted.kind, policy: wanted.policy, level: "person", target: line.aor, rank: null } }));
    }
    if (has(line, "place")) {
      told(
        await api.PUT("/v1/locations/chosen/{aor}", {
          params: { path: { aor: line.aor } },
          body: { place: wanted.place, device: "", address: null, point: null },
        }),
      );
    }
  } catch (error) {
    line.why = reason(error);
  }
}

/** Puts everybody back as they were, unless somebody changed them since. Gives those with whom that did not work. */
export async function undone(report: Line[], wanted: Wanted, progress: Progress): Promise<Line[]> {
  const failed: Line[] = [];
  let done = 0;
  for (const line of report) {
    try {
      await undoOne(line, wanted);
    } catch (error) {
      failed.push({ ...line, why: reason(error) });
    }
    progress(++done);
  }
  return failed;
}

async function undoOne(line: Line, wanted: Wanted): Promise<void> {
  const path = { path: { aor: line.aor } };
  const { before, after, tag } = line.edited ?? { before: null, after: null, tag: null };
  if (before !== null && after !== null && tag !== null && line.edited?.changed === true) {
    told(await api.PATCH("/v1/people/{aor}", { params: path, headers: { "If-Match": `"${tag}"` }, body: inverse(before, after) }));
  }
  if (line.why !== "") return; // nothing beside the directory was done, or not all of it is known
  if (has(line, "policy")) {
    const target = { kind: wanted.kind, level: "person" as const, target: line.aor };
    if (line.policy === null) told(await api.POST("/v1/policies/revoke", { body: target }));
    else told(await api.POST("/v1/policies/grant", { body: { ...target, policy: line.policy, rank: null } }));
  }
  if (has(line, "place")) {
    const { place, own } = line.place ?? { place: null, own: null };
    if (place === null && own === null) {
      told(await api.DELETE("/v1/locations/chosen/{aor}", { params: { ...path, query: { device: "" } } }));
    } else {
      const body = { place: place ?? "", device: "", address: own?.address ?? null, point: own?.point ?? null };
      told(await api.PUT("/v1/locations/chosen/{aor}", { params: path, body }));
    }
  }
}
