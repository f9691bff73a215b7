import { expect, test } from "vitest";
import { command, lasting, word } from "./format";

test("a command can be pasted into a shell as it stands", () => {
  expect(word("alice@contoso.example")).toBe("alice@contoso.example");
  expect(word("O'Brien; rm -rf")).toBe("'O'\\''Brien; rm -rf'");
  expect(command(["user", "create", "zoe@contoso.example"], { home: "premises", name: "Zoë Q", number: undefined })).toBe(
    "isthmus user create zoe@contoso.example --home premises --name 'Zoë Q'",
  );
  expect(command(["user", "move"], { "dry-run": true, wait: false, group: ["a", "b c"] })).toBe(
    "isthmus user move --dry-run --group a --group 'b c'",
  );
});

test("how long something lasted", () => {
  expect([0, 61, 3725].map(lasting)).toEqual(["0:00", "1:01", "1:02:05"]);
});
