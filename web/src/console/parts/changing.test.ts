import { expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "https://premises.contoso.example:8443" });
const { changing, OutdatedError } = await import("./changing");

interface Range {
  note: string;
  free: number;
}

/** One object at an address, which compares what it is asked to as the site does. */
class Site {
  sent: Record<string, string>[] = [];

  constructor(public now: Range | undefined) {}

  /** Done by somebody between the next look and what is asked then. */
  meanwhile: (() => void) | undefined;

  look = () => {
    const answer = this.answer();
    this.meanwhile?.();
    this.meanwhile = undefined;
    return Promise.resolve(answer);
  };

  put = (to: Range | undefined) => (headers: Record<string, string>) => {
    this.sent.push(headers);
    const wanted = headers["If-Match"];
    if ((wanted !== undefined && wanted !== this.tag) || (headers["If-None-Match"] === "*" && this.now !== undefined)) {
      return Promise.resolve({ error: {}, response: new Response("{}", { status: 412 }) });
    }
    this.now = to;
    return Promise.resolve(to === undefined ? { response: new Response(null, { status: 204 }) } : this.answer());
  };

  get tag() {
    return `"${JSON.stringify(this.now)}"`;
  }

  private answer() {
    if (this.now === undefined) return { error: {}, response: new Response("{}", { status: 404 }) };
    return { data: this.now, response: new Response("{}", { headers: { ETag: this.tag } }) };
  }
}

const SHOWN: Range = { note: "third floor", free: 10 };
const MINE: Range = { note: "lobby", free: 10 };
const THEIRS: Range = { note: "garage", free: 10 };

function change(site: Site, to: Range | undefined, shown: Range | undefined = SHOWN) {
  const back = async (headers: Record<string, string>) => {
    const answer = await site.put(shown)(headers);
    if (!answer.response.ok) throw new Error("refused");
  };
  return changing({ look: site.look, about: ({ note }: Range) => ({ note }) }, shown, site.put(to), back);
}

test("what is as it was shown is changed, with its tag, and taken back with the tag of what was made of it", async () => {
  const site = new Site(SHOWN);
  const { tag } = site;
  const undo = await change(site, MINE);
  expect(site.now).toEqual(MINE);
  const made = site.tag;
  await undo?.();
  expect(site.now).toEqual(SHOWN);
  expect(site.sent).toEqual([{ "If-Match": tag }, { "If-Match": made }]);
});

test("what somebody else changed or deleted since it was shown is left alone", async () => {
  for (const theirs of [THEIRS, undefined]) {
    const site = new Site(theirs);
    await expect(change(site, MINE)).rejects.toThrow(OutdatedError);
    await expect(change(site, undefined)).rejects.toThrow(OutdatedError);
    expect([site.now, site.sent]).toEqual([theirs, []]);
  }
});

test("who comes between the look and the change is not overwritten either", async () => {
  const site = new Site(SHOWN);
  site.meanwhile = () => { site.now = THEIRS; };
  await expect(change(site, MINE)).rejects.toThrow(OutdatedError);
  expect(site.now).toEqual(THEIRS);
});

test("what no form is about may be another than was shown", async () => {
  const site = new Site({ ...SHOWN, free: 3 });
  const undo = await change(site, MINE);
  site.now = { ...MINE, free: 2 };
  await undo?.();
  expect(site.now).toEqual(SHOWN);
});

test("it is not taken back once somebody else has changed it", async () => {
  const site = new Site(SHOWN);
  const undo = await change(site, MINE);
  site.now = THEIRS;
  await expect(undo?.()).rejects.toThrow();
  expect(site.now).toEqual(THEIRS);
});

test("what somebody else made of it right behind the change is not taken for the change", async () => {
  const site = new Site(SHOWN);
  const put = site.put(MINE);
  const quick = async (headers: Record<string, string>) => {
    const answer = await put(headers);
    site.now = THEIRS;
    return answer;
  };
  const about = ({ note }: Range) => note;
  expect(await changing({ look: site.look, about }, SHOWN, quick, () => Promise.resolve())).toBeUndefined();
});

test("what is deleted comes back unless there is one again, and what is made anew takes no other's place", async () => {
  const site = new Site(SHOWN);
  const undo = await change(site, undefined);
  site.now = THEIRS;
  await expect(undo?.()).rejects.toThrow();
  site.now = undefined;
  await undo?.();
  expect(site.now).toEqual(SHOWN);
  const about = ({ note }: Range) => note;
  const make = () => changing({ look: site.look, about }, undefined, site.put(MINE), site.put(undefined));
  await expect(make()).rejects.toThrow(OutdatedError);
  expect(site.now).toEqual(SHOWN);
  site.now = undefined;
  const unmake = await make();
  await unmake?.();
  expect(site.now).toBeUndefined();
});
