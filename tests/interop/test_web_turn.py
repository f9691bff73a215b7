"""The web phone where the network lets little through: its media by the site's own TURN server."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Browser, Page, expect

from isthmus.engines import coturn
from isthmus.engines.coturn import runtime
from isthmus.pki import store
from isthmus.site import certificates, internal
from isthmus.site.private import read_secret
from isthmus.turn.rules import Credential, credential
from tests.engines.coturn.client import Turn
from tests.faults.people import kill, pid
from tests.interop.browsers import MICROPHONE_HZ, SLOW_MS, browser, phone, playwright
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.test_web_phone import (
    PACKETS_STOP,
    Agents,
    agent,
    agents,
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
from tests.support import Process, wait_for

__all__ = ["agents", "browser", "playwright"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {"tilda": "premises", "tuck": "online", "thea": "online"}
# The browser reaches the site's TURN server by one way, and nothing else. All connections are kept, to be looked at.
ONLY_BY = """(way) => {
  const Real = RTCPeerConnection;
  window.connections = [];
  const limited = (given) => {
    const iceServers = (given?.iceServers ?? [])
      .map((each) => ({...each, urls: [each.urls].flat().filter((url) => url.includes(way))}))
      .filter((each) => each.urls.length > 0);
    return {...given, iceServers, iceTransportPolicy: "relay"};
  };
  window.RTCPeerConnection = class extends Real {
    constructor(given) {
      super(limited(given));
      window.connections.push(this);
    }
    setConfiguration(given) { super.setConfiguration(limited(given)); }
  };
}"""
# The pair that the newest connection uses: kind of its own candidate, and how the server is reached.
PAIR = """async () => {
  const all = await window.connections.at(-1).getStats();
  for (const each of all.values()) {
    if (each.type !== "transport" || !each.selectedCandidatePairId) continue;
    const own = all.get(all.get(each.selectedCandidatePairId).localCandidateId);
    return [own.candidateType, own.relayProtocol, own.address];
  }
}"""
# What the newest connection proves itself with, and the port that was relayed from.
SHOWN = """async () => {
  const [{username, credential}] = window.connections.at(-1).getConfiguration().iceServers;
  const all = await window.connections.at(-1).getStats();
  const {selectedCandidatePairId: pair} = [...all.values()].find((each) => each.type === "transport");
  return [username, credential, pair ? all.get(all.get(pair).localCandidateId).port : 0];
}"""
# The page is given credentials that hold some seconds, and none while it sleeps. ready: by the second of their end.
SHORT = """([ready, seconds]) => {
  const real = window.fetch;
  window.fetch = async (...given) => {
    const url = given[0].url ?? String(given[0]);
    if (!url.endsWith("/v1/media/ice")) return real(...given);
    if (window.asleep) throw new TypeError("no network");
    const told = await (await real(...given)).json();
    const end = Math.floor(Date.now() / 1000) + seconds;
    for (const each of told.iceServers) if (each.username) [each.username, each.credential] = ready[end];
    return Response.json({...told, lifetime_s: seconds});
  };
}"""
HOLDS_S = 12
# Another TURN server at the same address.
ELSEWHERE = """(port) => {
  const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(given) {
      const there = (url) => url.replace(":3478", `:${port}`);
      super({...given, iceServers: given.iceServers.map((each) => ({...each, urls: each.urls.map(there)}))});
    }
  };
}"""
FORGETFUL_PORT = 3481
NONCE_S, ALLOCATED_S = 5, 75  # browsers refresh what is allocated a minute before it ends
STALE = "error 438: Stale nonce"
OPTIONS = (
    "OPTIONS sip:{at} SIP/2.0\r\nVia: SIP/2.0/UDP {at}:{port};branch=z9hG4bKturn{port};rport\r\n"
    "From: <sip:turn@{at}>;tag=1\r\nTo: <sip:{at}>\r\nCall-ID: turn-{port}@{at}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
WAYS = {"udp": "3478?transport=udp", "tcp": "3478?transport=tcp", "tls": "turns:"}


@pytest.fixture(scope="module")
def people(two_sites: Sites) -> dict[str, str]:
    """User to password of the accounts, one at each site."""
    two_sites.create_all(HOMES)
    return two_sites.accounts(HOMES)


def only_by(page: Page, way: str) -> None:
    """Before the page makes its next connection."""
    page.evaluate(ONLY_BY, WAYS[way])


def goes_by(page: Page, way: str, address: str) -> None:
    wait_for(lambda: page.evaluate(PAIR), SLOW_MS / 1000, "a pair was chosen")
    assert page.evaluate(PAIR) == ["relay", way, address]


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_heard_both_ways_where_nothing_but_turn_passes(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str], way: str
):
    thea = agent(agents, two_sites, "thea", "online", 620)
    with phone(browser, people, "tilda") as page:
        only_by(page, way)
        dial(page, f"thea@{DOMAIN}")
        call = agents(thea.called())
        shows(page, "thea", "Connected")
        hears(page, 620)
        hears_browser(agents, thea, call)
        goes_by(page, way, two_sites.address("premises"))
        press(page, "thea", "Hang up")
        idle(page)

        call = called_by(agents, thea, "tilda")  # and the other way round
        press(page, "thea", "Answer")
        agents(call.answered(SLOW_MS / 1000))
        hears(page, 620)
        hears_browser(agents, thea, call)
        page.reload()  # which takes its call with it
        shows(page, "thea", "Connected")
        hears(page, 620)
        agents(call.hang_up())
        idle(page)
    done_with(agents, thea)


def test_a_call_outlives_its_credential_and_takes_another_way_by_a_new_one(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    """Also where the page could get none for a while, as when the computer slept."""
    site = two_sites.file("premises")
    secret, now = read_secret(internal.turn_secret(site)), int(time.time())
    made = {end: credential(secret, "tilda", end) for end in range(now, now + 1200)}
    ready = {str(end): [each.username, each.password] for end, each in made.items()}
    thea = agent(agents, two_sites, "thea", "online", 620)
    with phone(browser, people, "tilda") as page:
        page.add_init_script(f"({SHORT})({json.dumps([ready, HOLDS_S])})")
        page.reload()
        expect(page.get_by_role("status")).to_have_text("Ready", timeout=SLOW_MS)
        only_by(page, "udp")
        dial(page, f"thea@{DOMAIN}")
        call = agents(thea.called())
        shows(page, "thea", "Connected")
        hears(page, 620)
        goes_by(page, "udp", two_sites.address("premises"))
        page.evaluate("window.asleep = true")
        username, password, port = page.evaluate(SHOWN)
        ends = int(username.partition(":")[0])
        wait_for(lambda: time.time() > ends + 2, SLOW_MS / 1000, "the credential has ended")
        turn = Turn((site.site.address, site.turn.port), Credential(username, password))
        assert turn.allocate() == 401
        turn.close()
        hears(page, 620)
        hears_browser(agents, thea, call)

        page.evaluate("window.asleep = false")
        page.evaluate(PACKETS_STOP)
        wait_for(lambda: page.evaluate("window.iceRestarts") > 0, SLOW_MS / 1000, "ICE began anew")
        wait_for(lambda: page.evaluate(SHOWN)[2] not in (0, port), SLOW_MS / 1000, "it goes by another port")
        assert int(page.evaluate(SHOWN)[0].partition(":")[0]) > ends + 2
        goes_by(page, "udp", two_sites.address("premises"))
        hears(page, 620)
        hears_browser(agents, thea, call)
        agents(call.hang_up())
        idle(page)
    done_with(agents, thea)


@contextmanager
def forgetful(sites: Sites, at: str) -> Iterator[Process]:
    """A second coturn of a site, at FORGETFUL_PORT, whose nonces and allocations end soon. It tells what it refuses."""
    site = sites.file(at)
    other = {"listening-port": FORGETFUL_PORT, "tls-listening-port": FORGETFUL_PORT + 1, "stale-nonce": NONCE_S}
    folder = site.run_dir / "forgetful"
    store.private_folder(folder)
    other |= {"userdb": folder / "coturn.db", "pidfile": folder / "coturn.pid"}
    lines = coturn.render(site, read_secret(internal.turn_secret(site))).splitlines()
    kept = [line for line in lines if line.partition("=")[0] not in other]
    more = [f"{name}={value}" for name, value in other.items()]
    path = folder / "coturn.conf"
    store.write_private(path, "\n".join([*kept, *more, f"max-allocate-lifetime={ALLOCATED_S}", "verbose", ""]).encode())
    process = sites.processes.start(["turnserver", "-c", str(path)], name="forgetful-coturn")
    try:
        yield process
    finally:
        process.stop()


def test_a_call_outlives_the_nonce_that_its_way_was_made_with(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str]
):
    """A site's own coturn forgets them after ten minutes. This one does within seconds, and soon what is allocated."""
    thea = agent(agents, two_sites, "thea", "online", 620)
    with forgetful(two_sites, "premises") as server, phone(browser, people, "tilda") as page:
        page.evaluate(ELSEWHERE, FORGETFUL_PORT)
        only_by(page, "udp")
        dial(page, f"thea@{DOMAIN}")
        call = agents(thea.called())
        shows(page, "thea", "Connected")
        hears(page, 620)
        goes_by(page, "udp", two_sites.address("premises"))
        connected, port = time.monotonic(), page.evaluate(SHOWN)[2]
        server.wait_for(lambda: STALE in server.tail(10_000), ALLOCATED_S, "its nonce was stale")
        ended = connected + ALLOCATED_S + 15
        wait_for(lambda: time.monotonic() > ended, 2 * ALLOCATED_S, "what was allocated at first has ended")
        hears(page, 620)
        hears_browser(agents, thea, call)
        # It is the same way, made anew by nobody.
        assert page.evaluate(SHOWN)[2] == port
        assert page.evaluate("window.connections.length") == 1
        agents(call.hang_up())
        idle(page)
    done_with(agents, thea)


@pytest.mark.parametrize("way", WAYS)
def test_a_call_goes_on_when_the_turn_server_is_killed(
    browser: Browser, agents: Agents, two_sites: Sites, people: dict[str, str], way: str
):
    """It is there again by itself, and knows nothing of the call."""
    thea = agent(agents, two_sites, "thea", "online", 620)
    with phone(browser, people, "tilda") as page:
        only_by(page, way)
        dial(page, f"thea@{DOMAIN}")
        call = agents(thea.called())
        shows(page, "thea", "Connected")
        hears(page, 620)
        before = pid(two_sites, "premises", "coturn")
        kill(two_sites, "premises", "coturn")
        killed = time.monotonic()
        hears_nothing(page)
        hears(page, 620)
        hears_browser(agents, thea, call)
        print(f"by {way}: sound was back after {time.monotonic() - killed:.1f} s")
        assert pid(two_sites, "premises", "coturn") != before
        goes_by(page, way, two_sites.address("premises"))
        agents(call.hang_up())
        idle(page)
    done_with(agents, thea)


def test_two_browsers_that_both_have_turn_over_tls_alone(browser: Browser, two_sites: Sites, people: dict[str, str]):
    with phone(browser, people, "tilda") as tilda, phone(browser, people, "tuck", "online") as tuck:
        for page in (tilda, tuck):
            only_by(page, "tls")
        dial(tilda, f"tuck@{DOMAIN}")
        press(tuck, "Is calling you", "Answer")
        for page in (tilda, tuck):
            shows(page, "Connected")
            hears(page, MICROPHONE_HZ)
        goes_by(tilda, "tls", two_sites.address("premises"))
        goes_by(tuck, "tls", two_sites.address("online"))
        press(tilda, "Connected", "Hang up")
        idle(tuck)


def test_nobody_speaks_sip_by_way_of_the_turn_server(two_sites: Sites):
    """What it relays comes from the site's own address."""
    site = two_sites.file("premises")
    at = site.site.address
    answered: list[bool] = []
    for port in (site.turn.relay_high, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((at, port))
            probe.settimeout(3.0)  # that nothing comes can't be waited for
            here = probe.getsockname()[1]
            probe.sendto(OPTIONS.format(at=at, port=here).encode(), (at, site.ports.sip))
            try:
                answered.append(probe.recv(2000).startswith(b"SIP/2.0 200"))
            except TimeoutError:
                answered.append(False)
    assert answered == [False, True]


def test_a_site_that_runs_shows_its_new_certificate_there_as_well(two_sites: Sites):
    site = two_sites.file("online")
    ca = certificates.authority(site)
    assert ca is not None
    certificates.issue(site, ca)
    path = internal.site_certificate(site)
    wanted = store.parse_certificate(path.read_bytes(), str(path)).public_bytes(Encoding.DER)
    address = (site.site.address, site.turn.tls_port)
    wait_for(
        lambda: runtime.shown_certificate(*address, timeout_s=10) == wanted, SLOW_MS / 1000, "the new one is shown"
    )
