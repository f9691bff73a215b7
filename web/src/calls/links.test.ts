import { expect, test } from "vitest";
import { numberOfLink } from "./links";

test("a link names a number or an address", () => {
  expect(numberOfLink("tel:+1-425-555-0103")).toBe("+1-425-555-0103");
  expect(numberOfLink("tel:0103;phone-context=+1425555")).toBe("0103");
  expect(numberOfLink("SIP:carol@contoso.example;transport=tcp?Subject=x")).toBe("carol@contoso.example");
  expect(numberOfLink("sips:carol%2bwork@contoso.example")).toBe("carol+work@contoso.example");
});

test("what is no such link is nothing", () => {
  for (const link of ["", "tel:", "javascript:alert(1)", "https://contoso.example", "tel:%ff", "sip:<img>", "tel:1\n2"]) {
    expect(numberOfLink(link)).toBeUndefined();
  }
  expect(numberOfLink(`tel:${"1".repeat(300)}`)).toBeUndefined();
});
