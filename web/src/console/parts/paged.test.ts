import { expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "https://premises.contoso.example:8443" });
const { nextOf } = await import("./paged");

test("the next page is where the Link header says", () => {
  expect(nextOf('</v1/audit?limit=100&before=17>; rel="next"', "before")).toBe("17");
  expect(nextOf('</v1/audit?before=a%3Ab>; rel="next"', "before")).toBe("a:b");
  expect(nextOf(null, "before")).toBeUndefined();
});
