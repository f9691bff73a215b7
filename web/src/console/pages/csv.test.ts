import { expect, test } from "vitest";
import { cellsOf, csvOf, rowsOf } from "./csv";

test("cells with separators, quotes and line breaks in them", () => {
  expect(cellsOf('a;b\r\n"x; ""y"""; z\n')).toEqual([["a", "b"], ['x; "y"', " z"], [""]]);
});

test("rows are named by their line, empty lines and cells left out", () => {
  expect(rowsOf("\uFEFFaor,Home,groups\nzoe@x.example,premises,a; b\n\n,online,\n")).toEqual([
    { line: 2, aor: "zoe@x.example", home: "premises", groups: ["a", "b"] },
    { line: 4, home: "online" },
  ]);
});

test("what is written is read back, and no spreadsheet runs it", () => {
  const text = csvOf(["aor", "why"], [["a@x.example", 'because, "so"'], ["b", "=1+1"]]);
  expect(cellsOf(text).slice(0, 3)).toEqual([["aor", "why"], ["a@x.example", 'because, "so"'], ["b", "'=1+1"]]);
  expect(csvOf(["n"], [["+14255550101"]])).toContain("\r\n+14255550101");
});
