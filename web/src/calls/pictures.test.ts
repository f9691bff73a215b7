import { expect, test } from "vitest";
import { offersPictures } from "./pictures";

const AUDIO = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\n";

test("an offer shows a picture where its video goes here", () => {
  expect(offersPictures(`${AUDIO}m=video 4002 RTP/AVP 96\r\na=sendrecv\r\n`)).toBe(true);
  expect(offersPictures(`${AUDIO}m=video 4002 RTP/AVP 96\r\na=sendonly\r\n`)).toBe(true);
  expect(offersPictures(`m=video 4002 RTP/AVP 96\r\n${AUDIO}`)).toBe(true);
});

test("else it shows none", () => {
  expect(offersPictures(AUDIO)).toBe(false);
  expect(offersPictures("")).toBe(false);
  for (const direction of ["recvonly", "inactive"]) {
    expect(offersPictures(`${AUDIO}m=video 4002 RTP/AVP 96\r\na=${direction}\r\n`)).toBe(false);
  }
  expect(offersPictures(`${AUDIO}m=video 0 RTP/AVP 96\r\n`)).toBe(false);
});
