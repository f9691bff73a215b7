import { describe, expect, it, vi } from "vitest";
import { Book, isNewer, type Presence } from "./model";

const bob = (availability: Presence["availability"], seq: number): Presence => ({
  aor: "bob@contoso.example",
  home: "online",
  version: [1, 7, seq],
  availability,
  in_call: false,
  out_of_office: false,
  note: "",
  location: "",
  time_zone: "",
  since: 0,
});

describe("versions", () => {
  it("are compared from the left", () => {
    expect(isNewer([2, 0, 0], [1, 9, 9])).toBe(true);
    expect(isNewer([1, 9, 0], [1, 8, 9])).toBe(true);
    expect(isNewer([1, 8, 9], [1, 8, 9])).toBe(false);
  });
});

describe("the book", () => {
  it("asks for whom somebody looks at, once, and ends it", () => {
    const book = new Book();
    const watch = vi.fn();
    book.onWatch = watch;
    const ends = [book.look("bob@contoso.example", vi.fn()), book.look("bob@contoso.example", vi.fn())];
    expect(watch.mock.calls).toEqual([["bob@contoso.example", true]]);
    for (const end of ends) end();
    expect(watch.mock.calls[1]).toEqual(["bob@contoso.example", false]);
    book.take(bob("busy", 1));
    expect(book.of("bob@contoso.example")).toBeUndefined();
  });

  it("keeps the newest, in whatever order it is told", () => {
    const book = new Book();
    const told = vi.fn();
    book.look("bob@contoso.example", told);
    book.take(bob("away", 2));
    book.take(bob("busy", 1));
    expect(book.of("bob@contoso.example")?.availability).toBe("away");
    expect(told).toHaveBeenCalledOnce();
    book.take(bob("busy", 1), true);
    expect(book.of("bob@contoso.example")?.availability).toBe("busy");
  });

  it("says which are of now alone, once a home can't be heard", () => {
    const book = new Book();
    const told = vi.fn();
    book.look("bob@contoso.example", told);
    book.take(bob("busy", 1));
    book.hear({ premises: true, online: false });
    const one = book.of("bob@contoso.example");
    expect(one && book.isCurrent(one)).toBe(false);
    expect(told).toHaveBeenCalledTimes(2);
    book.hear({ premises: true, online: true });
    const again = book.of("bob@contoso.example");
    expect(again && book.isCurrent(again)).toBe(true);
  });
});
