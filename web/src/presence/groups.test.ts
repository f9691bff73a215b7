import { expect, test } from "vitest";
import { groupsOf } from "./groups";

const entry = (name: string, ...groups: string[]) => ({ address: `${name}@contoso.example`, name, number: "", groups });

test("groups and their members stand by name, who is in none at the end, who is in several in each", () => {
  const found = groupsOf([entry("dora"), entry("carol", "Team", "Seattle"), entry("bob", "Team"), entry("anna")]);
  expect(found.map(({ name, members }) => [name, members.map((each) => each.name)])).toEqual([
    ["Seattle", ["carol"]],
    ["Team", ["bob", "carol"]],
    ["", ["anna", "dora"]],
  ]);
  expect(groupsOf([])).toEqual([]);
});
