import { expect, test } from "vitest";
import { contactsIn, numberOf } from "./importing";

const DOMAIN = "contoso.example";

test.each([
  ["+1 (425) 555-0100", "+14255550100"],
  ["0049 30 1234567", "+49301234567"],
  ["tel:+14255550100", "+14255550100"],
  ["030 1234567", undefined],
  ["extension 7", undefined],
])("%s is the number %s", (text, number) => {
  expect(numberOf(text)).toBe(number);
});

test("a list of Outlook's: the own domain's address before the number, the number where there is no such address", () => {
  const text =
    '\uFEFF"First Name","Last Name","E-mail Address","Business Phone","Categories"\r\n' +
    '"Carol","Sánchez","Carol@Contoso.example","+1 425 555 0103","Team; Seattle"\r\n' +
    '"Paul","Miller","paul@elsewhere.example","0049 30 1234567",""\r\n' +
    '"Only","Mail","only@elsewhere.example","030 12345",""\r\n';
  expect(contactsIn(text, DOMAIN)).toEqual({
    entries: [
      { address: "carol@contoso.example", name: "Carol Sánchez", number: "+14255550103", groups: ["Team", "Seattle"] },
      { address: "+49301234567", name: "Paul Miller", number: "", groups: [] },
    ],
    faults: [{ at: 3, name: "Only Mail", why: "noAddress" }],
  });
});

test("one's own columns, apart by semicolons; of one address the last counts", () => {
  const text = "Name;Address;Groups\nOne;sip:x@other.example;A,B\nTwo;+14255550100;\nUno;sip:x@other.example;\n";
  expect(contactsIn(text, DOMAIN).entries).toEqual([
    { address: "x@other.example", name: "Uno", number: "", groups: [] },
    { address: "+14255550100", name: "Two", number: "", groups: [] },
  ]);
});

test("vCards of versions 3 and 4, one of them broken", () => {
  const text =
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dan Brown\r\nTEL;TYPE=CELL:+1 425 555 0104\r\nCATEGORIES:Sales,Seattle\r\nEND:VCARD\r\n" +
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Erin\r\nIMPP:sip:erin@contoso.example\r\nTEL;VALUE=uri:tel:+14255550105\r\nEND:VCARD\r\n" +
    "BEGIN:VCARD\r\nVERSION:4.0\r\nthis is no line of a card\r\nEND:VCARD\r\n";
  const { entries, faults } = contactsIn(text, DOMAIN);
  expect(entries).toEqual([
    { address: "+14255550104", name: "Dan Brown", number: "", groups: ["Sales", "Seattle"] },
    { address: "erin@contoso.example", name: "Erin", number: "+14255550105", groups: [] },
  ]);
  expect(faults).toEqual([{ at: 3, name: "", why: "unreadable" }]);
});

test("what is no list at all gives nobody", () => {
  expect(contactsIn("", DOMAIN)).toEqual({ entries: [], faults: [] });
  expect(contactsIn("<html><body>no list</body></html>", DOMAIN).entries).toEqual([]);
});
