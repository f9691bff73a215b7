// Alerts of this site: what is out of the usual, what stops it, and what people say of it. All through /v1/activity.

import { act, answered, ask, at, busy, button, element, facts, moment, present, tell } from "./isthmus.js";

const AT_ONCE = 50;
const filter = at("#filter");
let may = new Set();
let oldest = null; // of those that are shown

async function show(further = false) {
  const asked = new URLSearchParams({ limit: AT_ONCE });
  for (const name of ["state", "subject"]) if (filter[name].value.trim()) asked.set(name, filter[name].value.trim());
  if (further) asked.set("before", oldest);
  const found = await ask("GET", `/v1/activity/alerts?${asked}`);
  if (!further) at("#alerts").replaceChildren();
  at("#alerts").append(...found.map(shown));
  oldest = found.at(-1)?.last ?? oldest;
  at("#more").hidden = found.length < AT_ONCE;
  at("#none").hidden = at("#alerts").children.length > 0;
}

function shown(alert) {
  const item = document.createElement("li");
  item.dataset.severity = alert.severity;
  const heading = element("h2", `${alert.severity}: ${alert.rule.replaceAll("-", " ")}`);
  const again = alert.count > 1 ? `, ${alert.count} times since ${moment(alert.first)}` : "";
  item.append(heading, element("p", alert.now), facts({
    Who: alert.subject,
    When: `${moment(alert.last)}${again}`,
    Usual: alert.usual,
    ...Object.fromEntries(Object.entries(alert.evidence).map(([name, values]) => [capital(name), values.join(", ")])),
    State: alert.state === "open" ? null : `${alert.state.replace("-", " ")}, said by ${alert.judged_by}`,
  }));
  if (alert.state === "open") item.append(...deeds(alert));
  return item;
}

function deeds(alert) {
  const about = `${alert.rule.replaceAll("-", " ")}, ${alert.subject}`;
  const made = [];
  if (may.has("person.block")) {
    made.push(...alert.blocks.map(({ block, means }) =>
      button(`Block ${block}`, about, "", () => perform(`From now on ${means}.`, "POST", "/v1/activity/block", {
        aor: alert.subject, block,
      }, `${alert.subject}: blocked, ${block}.`))));
  }
  if (may.has("activity.judge")) {
    const judged = `/v1/activity/alerts/${encodeURIComponent(alert.id)}`;
    made.push(
      button("False alarm", about, "second", () => perform(null, "POST", `${judged}/false-alarm`, undefined,
        "A false alarm: it is usual from now on.")),
      button("It was somebody else", about, "second", () => perform(null, "POST", `${judged}/confirm`, undefined,
        "Confirmed.")),
    );
  }
  return made;
}

// sure: what is asked first; null for what hurts nobody.
async function perform(sure, method, path, body, told) {
  if (sure !== null) {
    at("#sure-what").textContent = sure;
    if ((await answered(at("#sure"))) !== "yes") return;
  }
  const problem = await busy(async () => {
    await act(method, path, body);
    await show();
    at("#done").textContent = told;
  });
  if (problem?.status === 401) signInFirst();
}

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
const signInFirst = () => location.replace("/account?next=alerts");

filter.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(show);
});
filter.state.addEventListener("change", () => busy(show));
at("#more").addEventListener("click", () => busy(() => show(true)));
await busy(async () => {
  const session = await present();
  if (session.stage !== "full") return signInFirst();
  may = new Set(session.permissions);
  if (!may.has("activity.read")) return tell({ message: "Your account may not see alerts." });
  await show();
});
