import { expect, test } from "vitest";
import { inserted, merged, pieces, reachOf, titleOf, upTo, withMark, type Mark, type Message } from "./model";

const message = (id: string, stamp: number, more: Partial<Message> = {}): Message => ({
  id, stamp, chat: "c", site: "premises", author: "a", at: stamp, text: id, state: "", changed: stamp, file: null, ...more,
});

test("messages are there once, the latest version, in the order of stamp and site", () => {
  const known = [message("one", 1), message("three", 3, { site: "premises" })];
  const news = [message("also three", 3, { site: "online" }), message("one", 1, { text: "One", changed: 9 }), message("two", 2)];
  const all = merged(known, news);
  expect(all.map(({ text }) => text)).toEqual(["One", "two", "also three", "three"]);
  expect(merged(all, [message("one", 1)]).map(({ text }) => text)).toEqual(all.map(({ text }) => text));
});

test("marks only grow", () => {
  const mark: Mark = { chat: "c", person: "b", kind: "read", site: "premises", stamp: 5 };
  const once = withMark([], mark);
  expect(withMark(once, { ...mark, stamp: 4 })).toEqual(once);
  expect(withMark(once, { ...mark, stamp: 6 })).toEqual([{ ...mark, stamp: 6 }]);
  expect(withMark(once, { ...mark, site: "online", stamp: 1 })).toHaveLength(2);
});

test("a message is read when all the others have read it, by the site it came in at", () => {
  const one = message("one", 5);
  const mark = (person: string, kind: Mark["kind"], stamp: number, site = "premises"): Mark => ({ chat: "c", person, kind, site, stamp });
  expect(reachOf(one, [], ["b"])).toBe("sent");
  expect(reachOf(one, [mark("b", "read", 9, "online")], ["b"])).toBe("sent");
  expect(reachOf(one, [mark("b", "delivered", 5)], ["b"])).toBe("delivered");
  expect(reachOf(one, [mark("b", "read", 5), mark("d", "delivered", 7)], ["b", "d"])).toBe("delivered");
  expect(reachOf(one, [mark("b", "read", 5), mark("d", "read", 7)], ["b", "d"])).toBe("read");
  expect(upTo([one, message("two", 7), message("x", 3, { site: "online" })])).toEqual({ premises: 7, online: 3 });
});

test("web addresses are links, and nothing else is", () => {
  expect(pieces("see https://example.org/a?b=c, (http://x.example).")).toEqual([
    { text: "see " },
    { text: "https://example.org/a?b=c", href: "https://example.org/a?b=c" },
    { text: ", (" },
    { text: "http://x.example", href: "http://x.example/" },
    { text: ")." },
  ]);
  for (const text of ["javascript:alert(1)", "<img src=x onerror=alert(1)>", "https://user:secret@bank.example", "https://"]) {
    expect(pieces(text)).toEqual([{ text }]);
  }
  expect(pieces("https://a.example/\u202egpj.exe")[0]?.href).toBe("https://a.example/");
});

test("a conversation of two is called by the other", () => {
  const members = [{ id: "a", aor: "alice@x", name: "Alice" }, { id: "b", aor: "bob@x", name: "" }];
  expect(titleOf({ kind: "pair", title: "", members }, "alice@x")).toBe("bob@x");
  expect(titleOf({ kind: "group", title: "Lunch", members }, "alice@x")).toBe("Lunch");
});

test("what is picked takes the place of what is selected, and one goes on behind it", () => {
  expect(inserted("ab", 1, 1, "👋🏽")).toEqual(["a👋🏽b", 5]);
  expect(inserted("abc", 0, 2, "x")).toEqual(["xc", 1]);
});
