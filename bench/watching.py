"""Presence before one's eyes: a phone in a browser with a whole list of contacts in view, a thousand changes a second.

Calls begin and end, as Kamailio's workers tell the control service of them; all from there on is the real site: the
presence service, the WebSocket, haproxy, the page in Debian's Chromium without a screen.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, WebSocket, expect, sync_playwright
from tests.interop.browsers import PHONE, SLOW_MS, launched, sign_in
from tests.interop.conftest import DOMAIN, HOMES

from bench.lab import Lab, running
from bench.model import Aim, Figure, Scale
from isthmus.records.model import Event, Kind
from isthmus.records.wire import encode
from isthmus.site import internal

_CHANGES_S = 1_000
_TICK_S = 0.05
_TYPED_EVERY_MS = 250
_FREEZE_MS = 200.0  # what people notice
_WATCH = """
() => {
  const seen = { gaps: [], tasks: [], inputs: [] };
  new PerformanceObserver(list => { for (const each of list.getEntries()) seen.tasks.push(each.duration); })
    .observe({ type: "longtask" });
  new PerformanceObserver(list => {
    for (const each of list.getEntries()) if (each.name === "keydown") seen.inputs.push(each.duration);
  }).observe({ type: "event", durationThreshold: 16 });
  let last = performance.now(); seen.began = last;
  const step = now => { seen.gaps.push(now - last); last = now; requestAnimationFrame(step); };
  requestAnimationFrame(step);
  window.seen = seen;
}
"""


@dataclass(frozen=True)
class _Seen:
    """frames: a second. gap_ms: the longest time between two. tasks_ms: of each that took more than 50. keys_ms: from
    a key until what it did is shown, the slowest. changes: that came, a second."""

    frames: float
    gap_ms: float
    tasks_ms: tuple[float, ...]
    keys_ms: float
    changes: float


def measure(scale: Scale) -> list[Figure]:
    """The page while its people change, and the same page while nobody does, in turn."""
    people = [f"w{number:04}" for number in range(scale.in_view)]
    with (
        tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder,
        running() as lab,
        sync_playwright() as playwright,
    ):
        password = secrets.token_urlsafe(16)
        _fill(lab, [*people, "wanda"])
        with lab.sites.api("premises") as api:
            api.post("/v1/accounts", {"name": "wanda", "person": f"wanda@{DOMAIN}", "password": password})
        hosts = {f"{name}.contoso.example": lab.sites.address(name) for name in HOMES}
        browser = launched(playwright, Path(folder) / "home", lab.sites.ca, hosts)
        try:
            pairs = _rounds(browser, lab, people, password, scale)
        finally:
            browser.close()
    moved = statistics.median(busy.changes for busy, _ in pairs)
    slow = [round(task) for busy, _ in pairs for task in busy.tasks_ms]
    tasks = f"; {len(slow)} tasks of more than 50 ms, the longest {max(slow, default=0)} ms"
    note = f"{len(people):,} contacts in view, {moved:,.0f} changes a second came{tasks}"
    quiet = "the same page while nobody changes"
    return [
        Figure.of(
            "watching.frames", "Frames a second while presence changes", "1/s",
            [(busy.frames, still.frames) for busy, still in pairs], quiet, note=note,
        ),
        Figure.of(
            "watching.gap", "Longest time without a frame", "ms",
            [(busy.gap_ms, still.gap_ms) for busy, still in pairs], quiet, Aim("value", _FREEZE_MS), note,
        ),
        Figure.of(
            "watching.keys", "Slowest key, until it is shown", "ms",
            [(busy.keys_ms, still.keys_ms) for busy, still in pairs], quiet, Aim("value", _FREEZE_MS), note,
        ),
    ]  # fmt: skip


def _fill(lab: Lab, users: list[str]) -> None:
    with lab.sites.api("premises") as api:
        rows = [{"aor": f"{user}@{DOMAIN}", "home": "premises", "display_name": f"Person {user}"} for user in users]
        report = api.post("/v1/people/import", {"rows": rows})
        if report["errors"]:
            raise RuntimeError(str(report["errors"][0]))


def _rounds(browser: Browser, lab: Lab, people: list[str], password: str, scale: Scale) -> list[tuple[_Seen, _Seen]]:
    contacts = [{"aor": f"{user}@{DOMAIN}", "name": f"Person {user}", "number": None} for user in people]
    with browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(PHONE.format("premises"))
        sign_in(page, "wanda", password)
        box = page.get_by_role("searchbox", name="Name, number or address")
        expect(box).to_be_visible(timeout=SLOW_MS)
        # As a browser that had them before there was a list at home; the page hands them over.
        page.evaluate(
            "([key, text]) => localStorage.setItem(key, text)",
            [f"isthmus.contacts.wanda@{DOMAIN}", json.dumps(contacts)],
        )
        came = _Counter(page)
        page.reload()
        mine = page.get_by_role("region", name="Contacts").get_by_role("listitem")
        expect(mine).to_have_count(len(people), timeout=2 * SLOW_MS)
        expect(mine.filter(has_text="Offline")).to_have_count(len(people), timeout=2 * SLOW_MS)
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        pairs = []
        for _ in range(scale.rounds):
            still = _seen(page, came, scale.watched_s)
            with _changing(lab, people):
                busy = _seen(page, came, scale.watched_s)
            if busy.changes < 0.1 * min(_CHANGES_S, len(people)):
                raise RuntimeError(f"only {busy.changes:.0f} changes a second came to the page")
            pairs.append((busy, still))
        return pairs


class _Counter:
    """Counts people's changes that come to a page."""

    def __init__(self, page: Page) -> None:
        self.count = 0
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        if socket.url.endswith("/live"):
            socket.on("framereceived", self._frame)

    def _frame(self, frame: bytes | str) -> None:
        self.count += sum(1 for each in json.loads(frame) if each.get("event") == "presence")


def _seen(page: Page, came: _Counter, seconds: float) -> _Seen:
    """Type now and then, and look at how the page goes on."""
    page.evaluate(_WATCH)
    box = page.get_by_role("searchbox", name="Name, number or address")
    box.focus()
    before, end = came.count, time.monotonic() + seconds
    while time.monotonic() < end:
        page.keyboard.press("w")
        page.keyboard.press("Backspace")
        page.wait_for_timeout(_TYPED_EVERY_MS)
    told: Mapping[str, Any] = page.evaluate("() => ({ ...window.seen, took: performance.now() - window.seen.began })")
    took_s = told["took"] / 1000
    return _Seen(
        len(told["gaps"]) / took_s,
        max(told["gaps"]),
        tuple(told["tasks"]),
        max(told["inputs"], default=16.0),  # what is quicker is not told
        (came.count - before) / took_s,
    )


@contextmanager
def _changing(lab: Lab, people: list[str]) -> Iterator[None]:
    """Pairs of them talk for a second and are silent for one: each of the two is another then."""
    over = threading.Event()
    pipe = os.open(internal.records_pipe(lab.sites.file("premises")), os.O_WRONLY)
    pairs = list(zip(people[::2], people[1::2], strict=True))
    a_tick = max(1, round(min(_CHANGES_S, len(people)) * _TICK_S / 4))

    def talk() -> None:
        up: list[tuple[float, Event]] = []
        number, begun = 0, time.monotonic()
        while not over.is_set():
            now = time.time()
            while up and up[0][0] <= now:
                _tell(pipe, up.pop(0)[1])
            for _ in range(a_tick):
                caller, callee = (f"{user}@{DOMAIN}" for user in pairs[number % len(pairs)])
                leg = {"call_id": f"watch-{number}-{begun}", "side": "edge"}
                _tell(pipe, Event(now, Kind.BEGINS, **leg, caller=caller, callee=callee, whom=callee, route="phone"))
                _tell(pipe, Event(now, Kind.ANSWERED, **leg, code=200))
                up.append((now + 1.0, Event(now + 1.0, Kind.ENDS, **leg, code=200)))
                number += 1
            over.wait(max(0.0, begun + (number / a_tick) * _TICK_S - time.monotonic()))
        for _, event in up:
            _tell(pipe, event)

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        yield
    finally:
        over.set()
        talking.join()
        os.close(pipe)


def _tell(pipe: int, event: Event) -> None:
    os.write(pipe, encode(event, 0))
