import { expect, test } from "vitest";
import { bandsOf } from "./quality";

test("each score is in one band, and what was not measured in none", () => {
  expect(bandsOf([4.4, 4, 3.9, 3.2, 1, null]).map(({ calls }) => calls)).toEqual([2, 1, 1, 1]);
});
