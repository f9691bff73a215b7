// One's own account: signing in, second factors, sessions, password. Everything is done through the API under
// /v1/session; the session itself is in a cookie that no script can read.

import { act, ask, at, busy, button, element, moment, present, signOut, tell, usePasskey } from "./isthmus.js";

async function addPasskey() {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await act("POST", "/v1/session/passkeys/options"));
  const credential = await navigator.credentials.create({ publicKey });
  const name = navigator.userAgentData?.platform ?? navigator.platform ?? "";
  return act("POST", "/v1/session/passkeys", { credential: credential.toJSON(), name });
}

// A program of ours that sent the browser here to sign in, and where it goes on; `again`: though somebody is signed in.
const ADDRESS = new URLSearchParams(location.search);
const GO_ON = ADDRESS.get("back")?.startsWith("/oauth/authorize?") ? ADDRESS.get("back") : null;
let again = GO_ON !== null && ADDRESS.has("again");

// Providers outside: a directory whose password is typed here, or a page elsewhere that the browser is sent to.
const OUTSIDE = "/v1/session/outside";
const BACK = {
  refused: "The sign-in did not succeed. Try again, or ask an administrator.",
  unavailable: "The provider does not answer now. Try again later.",
};

async function offerProviders() {
  const offered = await ask("GET", OUTSIDE).catch(() => []);
  const passwords = offered.filter((each) => each.kind === "password");
  const choice = (title, value) => {
    const made = element("option", title);
    made.value = value;
    return made;
  };
  at("#where select").replaceChildren(...passwords.map((each) => choice(each.title, each.name)), choice("this site", ""));
  at("#where").hidden = passwords.length === 0;
  at("#outside").replaceChildren(...offered.filter((each) => each.kind === "redirect").map((each) => {
    const chosen = element("button", `Sign in with ${each.title}`);
    chosen.type = "button";
    chosen.className = "second";
    chosen.addEventListener("click", () => {
      DEEDS.outside = async () => {
        location.assign((await ask("POST", `${OUTSIDE}/${each.name}`, GO_ON ? { back: GO_ON } : {})).address);
        return {};
      };
      return perform("outside");
    });
    return chosen;
  }));
}

// The pages that send people here to sign in first, and no others.
const FURTHER = { alerts: "/alerts", devices: "/devices" };

// What each button and form does. Returns what the next view is made of: an answer that says where the sign-in stands.
const DEEDS = {
  password: (form) => ask("POST", form.where.value ? `${OUTSIDE}/${form.where.value}/password` : "/v1/session", {
    name: form.name.value,
    password: form.password.value,
  }),
  code: (form) => ask("POST", "/v1/session/second-factor", { code: form.code.value }),
  passkey: usePasskey,
  "add-passkey": addPasskey,
  "add-app": async () => ({ ...(await act("POST", "/v1/session/totp")), stage: "app" }),
  "confirm-app": (form) => act("POST", "/v1/session/totp/confirm", { code: form.code.value }),
  "new-codes": () => act("POST", "/v1/session/recovery-codes"),
  "new-password": async (form) => {
    await act("POST", "/v1/session/password", { present: form.present.value, new: form.new.value });
    return { told: "The password is changed; everywhere else you are signed out." };
  },
  "sign-out": async () => {
    await signOut();
    return { stage: "sign-in" };
  },
  show: async () => ({}),
};

async function perform(name, form) {
  if (name !== "show") again = false;
  const problem = await busy(async () => {
    const told = await DEEDS[name](form);
    form?.reset();
    await show(told);
  });
  if (problem?.status === 401 && !at('[data-view="full"]').hidden) view("sign-in");
}

function view(name) {
  for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== name;
  // Where there is something to fill in, there; else at the heading, which readers then read out.
  const shown = at(`[data-view="${name}"]`);
  const start = name === "full" ? null : shown.querySelector("input");
  const heading = shown.querySelector("h1");
  heading.tabIndex = -1;
  (start ?? heading).focus();
}

async function show(told) {
  if (told.new_recovery_codes?.length) {
    at("#codes").replaceChildren(...told.new_recovery_codes.map((code) => element("li", code)));
    return view("codes");
  }
  if (told.stage === "app") {
    at("#qr").src = told.qr;
    at("#secret").textContent = told.secret.match(/.{1,4}/g).join(" ");
    return view("app");
  }
  const session = told.stage && told.stage !== "full" ? told : await present();
  if (again) return view("sign-in");
  if (session.stage === "full") {
    const further = GO_ON ?? FURTHER[ADDRESS.get("next")];
    if (further) return location.replace(further);
    await full(session);
  }
  view(session.stage);
  if (told.told) at("#done").textContent = told.told;
}

async function full(session) {
  const [passkeys, sessions] = await Promise.all([ask("GET", "/v1/session/passkeys"), ask("GET", "/v1/sessions")]);
  const shown = session.display_name === session.account ? null : session.display_name;
  const facts = { Name: session.account, "Shown as": shown, Person: session.person, Tenant: session.tenant };
  at("#facts").replaceChildren(...Object.entries(facts).flatMap(([name, value]) =>
    value ? [element("dt", name), element("dd", value)] : []));
  const factors = passkeys.map((key) =>
    thing(`${key.name}, ${key.used ? `used ${moment(key.used)}` : `since ${moment(key.created)}`}`, "Remove", () =>
      act("DELETE", `/v1/session/passkeys/${encodeURIComponent(key.id)}`)));
  const app = session.factors.includes("totp");
  if (app) factors.push(thing("Authenticator app", "Remove", () => act("DELETE", "/v1/session/totp")));
  at("#factors").replaceChildren(...(factors.length ? factors : [element("li", "None yet.")]));
  at("#add-app").hidden = app;
  at("#new-codes").hidden = factors.length === 0;
  at("#devices-page").hidden = !session.permissions.includes("device.read");
  at("#alerts-page").hidden = !session.permissions.includes("activity.read");
  const mine = sessions.filter((each) => each.account === session.account);
  at("#sessions").replaceChildren(...mine.map((each) =>
    thing(`${each.id === session.session ? "this one: " : ""}${each.address}, ${browser(each.browser)}, used ${
      moment(each.seen)}`, "End", () =>
      act("DELETE", `/v1/sessions/${encodeURIComponent(each.id)}`))));
}

function thing(text, what, deed) {
  const item = element("li", text);
  item.append(button(what, text, "plain", () => {
    DEEDS.thing = async () => { await deed(); return {}; };
    return perform("thing");
  }));
  return item;
}

const browser = (agent) => agent.match(/(Firefox|Edg|Chrome|Safari)\/\d+/)?.[0].replace("/", " ") ?? agent.slice(0, 40);

for (const form of document.querySelectorAll("form[data-do]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    perform(form.dataset.do, form);
  });
}
for (const each of document.querySelectorAll("button[data-do]")) {
  each.addEventListener("click", () => perform(each.dataset.do));
}
await offerProviders();
await perform("show");
const came = BACK[ADDRESS.get("outside")];
if (came) tell({ message: came });
