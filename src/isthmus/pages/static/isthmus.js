// What the pages share: asking the API, proving the second factor anew, showing things. The session is in a cookie
// that no script can read; what is shown of others goes through `textContent` alone.

export const at = (selector) => document.querySelector(selector);
let csrf = null;

export class Problem extends Error {
  constructor(told) {
    super(told.do ? `${told.what}. ${told.do}` : told.what);
    this.kind = told.type;
    this.status = told.status;
  }
}

export async function ask(method, path, body) {
  const headers = {};
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem({ what: "the site does not answer", do: "Is the network there? Try again." });
  }
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Problem(told);
  if (told?.csrf) csrf = told.csrf;
  return told;
}

export async function signOut() {
  await ask("DELETE", "/v1/session");
  csrf = null;
}

// Who is signed in and how far; `{ stage: "sign-in" }` for nobody.
export async function present() {
  try {
    return await ask("GET", "/v1/session");
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    return { stage: "sign-in" };
  }
}

// A dangerous act is refused until the second factor is proved anew: ask for it, then try once more.
export async function act(method, path, body) {
  try {
    return await ask(method, path, body);
  } catch (problem) {
    if (problem.kind !== "urn:isthmus:problem:step-up" || !(await proved())) throw problem;
    return ask(method, path, body);
  }
}

// Opens a dialog; the value of the button it was closed by, empty where it was left.
export function answered(dialog) {
  dialog.querySelector("form").reset();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

async function proved() {
  const dialog = at("#prove");
  const how = await answered(dialog);
  if (how === "code") await ask("POST", "/v1/session/second-factor", { code: dialog.querySelector("form").code.value });
  if (how === "passkey") await usePasskey();
  return how !== "";
}

export async function usePasskey() {
  const { ceremony, options } = await ask("POST", "/v1/session/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey });
  return ask("POST", "/v1/session/passkey", { ceremony, credential: credential.toJSON() });
}

// Does one thing at a time: no button of the page works meanwhile. What went wrong is told.
export async function busy(deed) {
  at("#trouble").hidden = true;
  at("#done").textContent = "";
  const buttons = [...document.querySelectorAll("main button")];
  buttons.forEach((button) => (button.disabled = true));
  try {
    await deed();
  } catch (problem) {
    tell(problem);
    return problem;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
  return null;
}

export function tell(problem) {
  const trouble = at("#trouble");
  trouble.textContent =
    problem.name === "NotAllowedError" ? "the passkey was not used, or not in time" : problem.message;
  trouble.hidden = false;
}

export function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// Names and values; those without a value are left out.
export function facts(told) {
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(told)) {
    if (value) list.append(element("dt", name), element("dd", value));
  }
  return list;
}

// A button. about: what it is done to, for who does not see where it stands.
export function button(what, about, kind, deed) {
  const made = element("button", what);
  made.type = "button";
  made.className = kind;
  made.setAttribute("aria-label", `${what}: ${about}`);
  made.addEventListener("click", deed);
  return made;
}

export const moment = (seconds) => new Date(seconds * 1000).toLocaleString();

if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  document.querySelectorAll('[data-do="passkey"], [data-do="add-passkey"], [value="passkey"]').forEach((b) => b.remove());
}
