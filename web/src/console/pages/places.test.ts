import { expect, test } from "vitest";
import { differences, NOTHING_TYPED, only, saidBefore, saidOf, typedOf, type Place } from "./places";

const HALL: Place = {
  name: "hq-3", tenant: "main", words: "", policy: null, default: true,
  address: { country: "US", elements: { A1: "WA", A3: "Redmond", RD: "Main", STS: "St", HNO: "1", PC: "98052" } },
  point: { latitude: 47.6, longitude: -122.3 },
  elins: ["+14255550190", "+14255550191"],
};

test("what a place is said to be, typed and read again, is no change", () => {
  expect(differences(saidBefore(HALL), saidOf(typedOf(HALL)))).toEqual({});
});

test("parts that have no field of their own stand one a line, and stay", () => {
  expect(typedOf(HALL).further).toBe("STS=St");
  const typed = { ...typedOf(HALL), further: "sts = Street\n\nLOC=north=entrance\n" };
  expect(saidOf(typed).address.elements).toMatchObject({ RD: "Main", STS: "Street", LOC: "north=entrance" });
});

test("what differs alone is said, and what it was before", () => {
  const changes = differences(saidBefore(HALL), saidOf({ ...typedOf(HALL), HNO: "", elins: "", point: "", default: "" }));
  expect(Object.keys(changes).sort()).toEqual(["address", "default", "elins", "point"]);
  expect(changes).toMatchObject({ point: null, elins: [], default: false });
  expect(changes.address?.elements).not.toHaveProperty("HNO");
  expect(only(saidBefore(HALL), changes)).toEqual({ address: HALL.address, point: HALL.point, elins: HALL.elins, default: true });
});

test("what is no point is left to the API to refuse", () => {
  expect(saidOf({ ...NOTHING_TYPED, point: "47.6" }).point).toEqual({ latitude: 47.6, longitude: NaN });
  expect(saidOf({ ...NOTHING_TYPED, point: "here, there" }).point).toEqual({ latitude: NaN, longitude: NaN });
  expect(saidOf({ ...NOTHING_TYPED, point: " " }).point).toBeNull();
});
