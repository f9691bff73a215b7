// Which field of a form an error of the API is about. Pure.

import { ApiError } from "../../api/client";

export interface Faults {
  /** By the field's name. */
  fields: Record<string, string>;
  /** What is about none of them. */
  rest: Error | null;
}

export const NO_FAULTS: Faults = { fields: {}, rest: null };

const ASKED_WRONG = "the request";

/** `values`: what was sent, by field. The API names a field, or the value that it does not take, or says it in words. */
export function faultsOf(error: unknown, values: Readonly<Record<string, string>>): Faults {
  const given = error instanceof Error ? error : new Error(String(error));
  if (!(given instanceof ApiError)) return { fields: {}, rest: given };
  if (given.status === 422 && given.where === ASKED_WRONG) return byName(given, values);
  const field =
    Object.keys(values).find((name) => name === given.where) ??
    Object.keys(values).find((name) => values[name] !== "" && values[name] === given.where) ??
    longest(Object.keys(values).filter((name) => quoted(given.what, values[name] ?? "")), values);
  return field === undefined ? { fields: {}, rest: given } : { fields: { [field]: given.message }, rest: null };
}

/** "home: Field required; aor: ..." */
function byName(error: ApiError, values: Readonly<Record<string, string>>): Faults {
  const fields: Record<string, string> = {};
  let rest: Error | null = null;
  for (const part of error.what.split("; ")) {
    const [, name = "", what = ""] = /^([\w.]+): (.*)$/.exec(part) ?? [];
    const field = name.split(".")[0] ?? "";
    if (field in values) fields[field] = what;
    else rest = error;
  }
  return { fields, rest };
}

function quoted(message: string, value: string): boolean {
  return value.length > 1 && (message.includes(`'${value}'`) || message.split(/[\s,;:()]+/).includes(value));
}

function longest(names: string[], values: Readonly<Record<string, string>>): string | undefined {
  return names.sort((a, b) => (values[b]?.length ?? 0) - (values[a]?.length ?? 0))[0];
}
