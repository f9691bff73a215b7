"""A browser whose network becomes another one in mid-call. Run by test_web_roaming.py in a namespace of its own.

The site has an address there. The browser is in a second namespace, and reaches the site by one of two links, which
have other addresses: as a computer that is carried out of its Wi-Fi and goes on by a mobile network.

python -m tests.interop.roaming FOLDER
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from isthmus.demo.plan import PEOPLE, Plan, PlannedSite
from isthmus.demo.provision import provision
from tests.interop.browsers import CHROMIUM, SLOW_MS, launched, phone
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.test_web_diagnosis import KEEP
from tests.interop.test_web_phone import (
    Agents,
    agent,
    called_by,
    dial,
    done_with,
    hears,
    hears_browser,
    hears_nothing,
    idle,
    press,
    shows,
)
from tests.support import Processes, wait_for

LINKS = {"wifi": 1, "mobile": 2}
WITHOUT_S = 8  # as in a lift
# Where the newest connection sends from, as far as the browser knows.
FROM = """async () => {
  const all = await window.connections.at(-1).getStats();
  const {selectedCandidatePairId: pair} = [...all.values()].find((each) => each.type === "transport") ?? {};
  return pair ? all.get(all.get(pair).localCandidateId).address : "";
}"""


def run(*argv: str) -> None:
    subprocess.run(argv, check=True)


class Computer:
    """A network namespace with two links, one of which is up. `process`: holds it."""

    def __init__(self, process: int) -> None:
        self._enter = ("nsenter", f"--net=/proc/{process}/ns/net")
        self._up = ""
        run(*self._enter, "ip", "link", "set", "lo", "up")
        for name, number in LINKS.items():
            run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", name, "netns", str(process))
            run("ip", "addr", "add", f"10.83.{number}.1/24", "dev", f"to-{name}")
            run("ip", "link", "set", f"to-{name}", "up")

    def goes_by(self, name: str, after_s: float = 0) -> str:
        """From now on it has not the other link any more, and after so long this one. Its address."""
        if self._up:
            run(*self._enter, "ip", "addr", "flush", "dev", self._up)
            run(*self._enter, "ip", "link", "set", self._up, "down")
        time.sleep(after_s)
        self._up, net = name, f"10.83.{LINKS[name]}"
        run(*self._enter, "ip", "addr", "add", f"{net}.2/24", "dev", name)
        run(*self._enter, "ip", "link", "set", name, "up")
        run(*self._enter, "ip", "route", "add", "default", "via", f"{net}.1")
        return f"{net}.2"

    def browser(self, folder: Path) -> str:
        """A program that is Chromium within it."""
        program = folder / "chromium"
        program.write_text(f'#!/bin/sh\nexec {" ".join(self._enter)} {CHROMIUM} "$@"\n')
        program.chmod(0o700)
        return str(program)


@contextmanager
def computer() -> Iterator[Computer]:
    own = Path("/proc/self/ns/net").stat().st_ino
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as held:
        try:
            wait_for(lambda: Path(f"/proc/{held.pid}/ns/net").stat().st_ino != own, 60, "the namespace is there")
            yield Computer(held.pid)
        finally:
            held.kill()


def addresses() -> Iterator[str]:
    """Addresses of sites and phones, each on this namespace's loopback interface, and reached from the links."""
    for number in itertools.count(1):
        run("ip", "addr", "add", f"10.83.0.{number}/32", "dev", "lo")
        yield f"10.83.0.{number}"


def changes(agents: Agents, sites: Sites, machine: Computer, page: Page) -> None:
    """Calls of each direction; the browser has another network in each, at once or after a while without any."""
    rolf = agent(agents, sites, "rolf", "premises", 620)
    for to, incoming, after_s in (("mobile", False, 0), ("wifi", True, 0), ("mobile", False, WITHOUT_S)):
        if incoming:
            call = called_by(agents, rolf, "rosa")
            press(page, "rolf", "Answer")
            agents(call.answered(SLOW_MS / 1000))
        else:
            before = len(rolf.incoming)
            dial(page, f"rolf@{DOMAIN}")
            call = agents(rolf.called(before + 1, timeout_s=SLOW_MS / 1000))
        shows(page, "rolf", "Connected")
        hears(page, 620)
        hears_browser(agents, rolf, call)
        address, changed = machine.goes_by(to, after_s), time.monotonic()
        if not after_s:
            hears_nothing(page)
        hears(page, 620)
        heard = time.monotonic() - changed
        hears_browser(agents, rolf, call)
        wait_for(lambda address=address: page.evaluate(FROM) == address, SLOW_MS / 1000, f"it sends from {address}")
        agents(call.reinvite())  # the far end reaches it there
        hears(page, 620)
        agents(call.hang_up())
        idle(page)
        print(f"to {to}: heard both ways, after {heard:.1f} s", flush=True)
    done_with(agents, rolf)


def main() -> None:
    """Run a site, a browser, and calls."""
    folder = Path(sys.argv[1])
    given, processes = addresses(), Processes(folder)
    agents = Agents()
    two = (
        PlannedSite("premises", next(given), "127.0.1.2", authority=True),
        PlannedSite("online", next(given), "127.0.2.2"),  # which nobody starts
    )
    sites = Sites(provision(Plan(two, PEOPLE, next(given)), folder / "d"), processes, lambda: next(given))
    try:
        sites.start("premises")
        for user in ("rosa", "rolf"):
            sites.create(user, "premises")
        password = "rosa's own password"
        with sites.api("premises") as api:
            api.post("/v1/accounts", {"name": "rosa", "person": f"rosa@{DOMAIN}", "password": password})
        with computer() as machine, sync_playwright() as playwright:
            machine.goes_by("wifi")
            home = folder / "home"
            home.mkdir()
            hosts = {"premises.contoso.example": sites.address("premises")}
            browser = launched(playwright, home, sites.ca, hosts, program=machine.browser(folder))
            with phone(browser, {"rosa": password}, "rosa") as page:
                page.evaluate(KEEP)
                changes(agents, sites, machine, page)
            browser.close()
    finally:
        agents.close()
        processes.close()


if __name__ == "__main__":
    main()
