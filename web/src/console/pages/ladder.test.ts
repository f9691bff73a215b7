import { expect, test } from "vitest";
import { COLUMN, HEAD, placed, ROW, seconds } from "./ladder";

const ANN = { kind: "person", name: "ann@contoso.example" };
const SITE = { kind: "site", name: "premises" };

test("arrows stand below one another, between the columns of who sends and who gets them", () => {
  const arrow = { at_ms: 5, after_ms: 1234, what: "INVITE", site: "premises" };
  const drawn = placed({
    call_id: "c", legs: [], participants: [ANN, SITE],
    arrows: [{ ...arrow, sender: ANN, receiver: SITE }, { ...arrow, sender: SITE, receiver: ANN, what: "100" }],
  });
  expect(drawn.lines.map(({ from, to }) => [from, to])).toEqual([[COLUMN / 2, COLUMN * 1.5], [COLUMN * 1.5, COLUMN / 2]]);
  expect(drawn.lines.map(({ at }) => at)).toEqual([HEAD + ROW, HEAD + 2 * ROW]);
  expect(drawn.width).toBe(2 * COLUMN);
  expect(seconds(1234)).toBe("1.234 s");
});

test("an arrow to nobody is left out", () => {
  const arrows = [{ at_ms: 1, after_ms: 0, sender: ANN, receiver: { kind: "site", name: "x" }, what: "BYE", site: "x" }];
  expect(placed({ call_id: "c", legs: [], participants: [ANN], arrows }).lines).toEqual([]);
});
