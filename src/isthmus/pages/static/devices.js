// One's own phones: each with a credential of its own, which is shown once. All through /v1/devices.

import { act, answered, ask, at, busy, button, element, facts, moment, present, tell } from "./isthmus.js";

let person = null; // whose phones these are
let may = new Set();

async function show() {
  const found = await ask("GET", `/v1/devices?${new URLSearchParams({ aor: person })}`);
  at("#devices").replaceChildren(...found.map(shown));
  at("#none").hidden = found.length > 0;
  at("#add").hidden = !may.has("device.write");
  at("#made").hidden = true;
  at("#all").hidden = false;
}

function shown(device) {
  const item = document.createElement("li");
  const use = device.last_use;
  item.append(element("h2", device.label), facts({
    "User name": device.name,
    Made: moment(device.created),
    "Last used": use ? `${moment(use.at)}, from ${use.address} by ${use.edge.toUpperCase()}, at ${use.site}` : "not yet",
    Client: use?.client,
    "Not asked": device.sites_not_asked.join(", "),
  }));
  const path = `/v1/devices/${encodeURIComponent(device.name)}`;
  if (may.has("device.write")) {
    item.append(button("New password", device.label, "second", () => sure(
      `The password that ${device.label} has now ends at once.`, async () => credential(
        await act("POST", `${path}/rotate?qr=true`, { overlap_s: 0 })))));
  }
  if (may.has("device.revoke")) {
    item.append(button("Revoke", device.label, "second", () => sure(
      `${device.label} can't register or call any more.`, async () => {
        await act("DELETE", path);
        await show();
        at("#done").textContent = `${device.label} is revoked.`;
      })));
  }
  return item;
}

function credential(made) {
  at("#credential").replaceChildren(...facts({
    "SIP address": `sip:${made.aor}`, "User name": made.name, Password: made.secret, Realm: made.realm,
  }).children);
  at("#qr").src = made.qr;
  at("#all").hidden = true;
  at("#made").hidden = false;
  at("#made-title").tabIndex = -1;
  at("#made-title").focus();
}

function forget() {
  at("#credential").replaceChildren();
  at("#qr").removeAttribute("src");
}

async function perform(deed) {
  const problem = await busy(deed);
  if (problem?.status === 401) signInFirst();
}

async function sure(what, deed) {
  at("#sure-what").textContent = what;
  if ((await answered(at("#sure"))) === "yes") await perform(deed);
}

const signInFirst = () => location.replace("/account?next=devices");

at("#add").addEventListener("submit", (event) => {
  event.preventDefault();
  perform(async () => {
    credential(await act("POST", "/v1/devices?qr=true", { aor: person, label: at("#add").label.value }));
    at("#add").reset();
  });
});
at("#kept").addEventListener("click", () => {
  forget();
  perform(show);
});
addEventListener("pagehide", forget); // a page that the browser keeps for going back to shows no password
await busy(async () => {
  const session = await present();
  if (session.stage !== "full") return signInFirst();
  person = session.person;
  may = new Set(session.permissions);
  if (!person) return tell({ message: "Your account is nobody's in the directory, so it has no phones." });
  await show();
});
