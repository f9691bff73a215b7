import { expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "https://premises.contoso.example:8443" });
const { ApiError } = await import("../../api/client");
const { faultsOf } = await import("./faults");

const problem = (what: string, where = "", more = "") => ({
  type: "about:blank", title: "", status: 422, detail: more === "" ? what : `${what}. ${more}`, what, where, do: more,
});
const VALUES = { aor: "zoe@contoso.example", home: "premises", number: "+1425", display_name: "" };

test("a malformed request is told at each field that is wrong", () => {
  const error = new ApiError(422, problem("home: Field required; aor: String should have at most 300 characters", "the request"));
  const found = faultsOf(error, VALUES);
  expect(found.fields).toEqual({ home: "Field required", aor: "String should have at most 300 characters" });
  expect(found.rest).toBeNull();
});

test("what is about no field of the form stands above it", () => {
  const error = new ApiError(422, problem("rows.0.x: Extra inputs are not permitted", "the request"));
  expect(faultsOf(error, VALUES)).toEqual({ fields: {}, rest: error });
  const other = new ApiError(409, problem("this site is not the authority"));
  expect(faultsOf(other, VALUES)).toEqual({ fields: {}, rest: other });
});

test("a field is found by its name, and by the value that is not taken", () => {
  expect(faultsOf(new ApiError(422, problem("too short", "home")), VALUES).fields).toEqual({ home: "too short" });
  expect(faultsOf(new ApiError(409, problem("it exists already", "zoe@contoso.example", "Choose another")), VALUES).fields).toEqual({
    aor: "it exists already. Choose another",
  });
  expect(faultsOf(new ApiError(422, problem("'+1425' is no telephone number")), VALUES).fields).toEqual({
    number: "'+1425' is no telephone number",
  });
});

test("what is no answer of the API stays what it is", () => {
  const error = new TypeError("Failed to fetch");
  expect(faultsOf(error, VALUES)).toEqual({ fields: {}, rest: error });
});
