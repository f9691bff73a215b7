import { expect, test } from "vitest";
import { reports, reportsOf, type Report } from "./leaving";

const report = (call_id: string) => ({ call_id, kind: "end" }) as Report;

test("of the calls that are left it is told how they sounded, as far as that is known", () => {
  const over = [reports(() => report("one")), reports(() => undefined), reports(() => report("other"))];
  expect(reportsOf(["one", "two"])).toEqual([report("one")]);
  for (const each of over) each();
  expect(reportsOf(["one"])).toEqual([]);
});
