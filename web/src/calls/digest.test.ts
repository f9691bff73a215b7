import { expect, test } from "vitest";
import { ha1Of, headerOf, responseTo } from "./digest";

// RFC 7616 section 3.9.1.
const CHALLENGE = { realm: "http-auth@example.org", nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v" };
const CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

test("the response is that of the standard's example", () => {
  const ha1 = ha1Of("Mufasa", CHALLENGE.realm, "Circle of Life");
  const given = responseTo(CHALLENGE, ha1, { method: "GET", uri: "/dir/index.html" }, 1, CNONCE);
  expect(given).toEqual({
    nc: "00000001",
    response: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
  });
});

test("the header names all that the server needs", () => {
  const header = headerOf({
    username: "dev0", realm: "contoso.example", nonce: "n", uri: "sip:contoso.example", response: "ab", cnonce: "c",
    nc: "00000001", opaque: null,
  });
  expect(header).toBe(
    'Digest algorithm=SHA-256, username="dev0", realm="contoso.example", nonce="n", uri="sip:contoso.example", ' +
      'response="ab", qop=auth, cnonce="c", nc=00000001',
  );
});
