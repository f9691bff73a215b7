import { expect, test } from "vitest";
import { addressOf, shownAddress } from "./address";

test.each([
  ["+1 (425) 555-0101", "sip:+14255550101@contoso.example"],
  [" 110 ", "sip:110@contoso.example"],
  ["*43#", "sip:*43#@contoso.example"],
  ["bob@contoso.example", "sip:bob@contoso.example"],
  ["SIP:bob@fabrikam.example", "sip:bob@fabrikam.example"],
])("%s is called as %s", (typed, address) => {
  expect(addressOf(typed, "contoso.example")).toBe(address);
});

test.each(["", "bob", "bob jones", "sip:bob@contoso.example;transport=tcp", "a@b@c"])("%s is no address", (typed) => {
  expect(addressOf(typed, "contoso.example")).toBeUndefined();
});

test("numbers of the own domain are shown without it", () => {
  expect(shownAddress("sip:+14255550101@contoso.example;user=phone", "contoso.example")).toBe("+14255550101");
  expect(shownAddress("sip:bob@contoso.example", "contoso.example")).toBe("bob@contoso.example");
  expect(shownAddress("sip:+14255550101@fabrikam.example", "contoso.example")).toBe("+14255550101@fabrikam.example");
});
