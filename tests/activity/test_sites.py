"""A whole site with phones: what is odd is told by mail, and one command stops it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.main import run
from isthmus.errors import NotFoundError, UsageError
from isthmus.site.file import load
from tests.activity.test_delivery import Hook, Mailbox, smtp_server
from tests.faults.people import move
from tests.interop.conftest import DOMAIN, HOMES, Sites, lay_out
from tests.support import Loopback, Processes, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_SETTINGS = """
[activity]
time_zone = "Europe/Berlin"

[activity.mail]
host = "{mail}"
port = 2525
security = "none"
sender = "isthmus@contoso.example"
to = ["admin@contoso.example"]

[activity.webhook]
url = "{hook}"
secret_file = "hook.secret"
"""


@pytest.fixture(scope="module")
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="module")
def hook(loopback: Loopback) -> Iterator[Hook]:
    made = Hook(loopback())
    yield made
    made.close()


@pytest.fixture(scope="module")
def sites(
    tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, mailbox: Mailbox, hook: Hook
) -> Iterator[Sites]:
    """Both sites and the carrier; the alerts of premises go to `mailbox` and `hook`."""
    folder = tmp_path_factory.mktemp("s")
    processes, mail = Processes(folder), loopback()
    demo = lay_out(folder / "d", loopback)
    path = next(site.path for site in demo.sites if site.site.name == "premises")
    with path.open("a") as file:
        file.write(_SETTINGS.format(mail=mail, hook=hook.url))
    secret = path.parent / "hook.secret"
    secret.touch(0o600)
    secret.write_text("shared secret\n")
    pair = Sites(replace(demo, sites=tuple(load(site.path) for site in demo.sites)), processes, loopback)
    with smtp_server(mail, mailbox):
        try:
            pair.start_carrier()
            for name in HOMES:
                pair.start(name)
            for name in HOMES:
                _open_premium_numbers(pair, name)
            yield pair
        finally:
            processes.close()


def _open_premium_numbers(sites: Sites, name: str) -> None:
    """Else nobody could call one, and there would be nothing to tell."""
    policy = {"kind": "calling", "name": "open", "settings": {"premium_numbers": True}}
    with sites.api(name) as api:
        wait_for(lambda: api.post("/v1/policies", policy), 60, f"{name} knows the tenant")
        api.post("/v1/policies/grant", {"kind": "calling", "policy": "open", "level": "tenant"})
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, f"calls at {name} go by it")


@pytest.fixture(scope="module")
def person(sites: Sites) -> str:
    sites.create("grace", "premises", "+14255550155")
    with sites.api("premises") as api:
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "a snapshot with grace in it")
    return f"grace@{DOMAIN}"


def alerts(sites: Sites, at: str = "premises", **wanted: Any) -> list[dict[str, Any]]:
    with sites.api(at) as api:
        found: list[dict[str, Any]] = api.get("/v1/activity/alerts", **wanted)
    return found


def isthmus(sites: Sites, *words: str) -> int:
    """A command, as it is typed."""
    before = dict(os.environ)
    os.environ["ISTHMUS_SITES"] = str(sites.file("premises").path.parents[1])
    try:
        return run(list(words))
    finally:
        os.environ.clear()
        os.environ.update(before)


async def test_an_odd_call_is_told_and_stopped_by_one_command(
    sites: Sites, person: str, mailbox: Mailbox, hook: Hook, capsys: pytest.CaptureFixture[str]
):
    async with await sites.phone("grace", "premises", media=False) as grace:
        home = await grace.dial(f"sip:+12065550123@{DOMAIN}")
        assert (await home.hang_up()).code == 200
        dear = await grace.dial(f"sip:+19005550123@{DOMAIN}")
        assert (await dear.hang_up()).code == 200

        (alert,) = wait_for(lambda: alerts(sites, subject=person), 60, "the alert")
        assert (alert["rule"], alert["severity"]) == ("premium-call", "high")
        wait_for(lambda: mailbox.mails and hook.posted, 60, "the mail and the webhook")
        assert alert["id"].encode() in mailbox.mails[0].content

        command = next(line.strip() for line in mailbox.mails[0].content.decode().splitlines() if " block " in line)
        assert isthmus(sites, *command.split()[1:]) == 0
        assert await grace.refused(f"sip:+19005550123@{DOMAIN}") == 403
        again = await grace.dial(f"sip:+12065550123@{DOMAIN}")
        assert (await again.hang_up()).code == 200
        assert isthmus(sites, "activity", "unblock", person) == 0
        assert isthmus(sites, "activity", "false-alarm", alert["id"]) == 0
        dear = await grace.dial(f"sip:+19005550124@{DOMAIN}")
        assert (await dear.hang_up()).code == 200

        with sites.api("premises") as api:
            profile = api.get(f"/v1/activity/profiles/{person}")
        assert {each["name"] for each in profile["destinations"]} == {"US", "US premium"}
        assert len(alerts(sites, subject=person)) == 1, "usual now"
        await grace.register(0)
    assert isthmus(sites, "activity", "show", alert["id"]) == 0
    assert "false-alarm" in capsys.readouterr().out


async def test_a_blocked_network_and_a_blocked_account_are_kept_out_at_once(sites: Sites):
    sites.create("heidi", "premises")
    person = f"heidi@{DOMAIN}"
    with sites.api("premises") as api:
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "a snapshot with heidi in it")
    async with await sites.phone("heidi", "premises", "tcp", media=False) as heidi:
        network = heidi.wire.local.host.rpartition(".")[0] + ".0/24"

        def bindings() -> list[Any]:
            with sites.api("premises") as api:
                return [each for row in api.get("/v1/registrations", aor=person) for each in row["bindings"]]

        assert len(bindings()) == 1
        assert isthmus(sites, "activity", "block", person, f"network:{network}") == 0
        assert bindings() == [], "nobody is called there any more"
        assert (await heidi.register()).code == 403
        assert await heidi.refused(f"sip:+12065550123@{DOMAIN}") == 403
        assert isthmus(sites, "activity", "unblock", person) == 0
        assert (await heidi.register()).code == 200
        assert isthmus(sites, "activity", "block", person) == 0
        assert (await heidi.register()).code == 403
        assert isthmus(sites, "activity", "unblock", person) == 0
        assert (await heidi.register()).code == 200
        await heidi.register(0)


async def test_what_somebody_does_at_the_other_site_is_looked_at_at_home_and_goes_along_when_they_move(sites: Sites):
    sites.create("ivan", "online", "+14255550156")
    sites.wait_until_known(["ivan"])
    person = f"ivan@{DOMAIN}"
    with sites.api("online") as api:
        wait_for(lambda: api.get("/v1/snapshot")["current"], 60, "a snapshot with ivan in it")
    async with await sites.phone("ivan", "premises", "tcp", media=False) as ivan:
        dear = await ivan.dial(f"sip:+19005550123@{DOMAIN}")
        assert (await dear.hang_up()).code == 200
        (alert,) = wait_for(lambda: alerts(sites, "online", subject=person), 60, "the alert at online")
        assert alerts(sites, subject=person) == []
        with sites.api("online") as api:
            api.post(f"/v1/activity/alerts/{alert['id']}/false-alarm")
            usual = api.get(f"/v1/activity/profiles/{person}")["destinations"]
        assert [each["name"] for each in usual] == ["US premium"]

        await move(sites, ["ivan"], "premises")
        with sites.api("premises") as api:
            assert api.get(f"/v1/activity/profiles/{person}")["destinations"] == usual
        dear = await ivan.dial(f"sip:+19005550124@{DOMAIN}")
        assert (await dear.hang_up()).code == 200
        await ivan.register(0)
    with sites.api("premises") as api:
        profile = wait_for(lambda: api.get(f"/v1/activity/profiles/{person}"), 15)
    assert profile["account"] == person
    assert alerts(sites, subject=person) == [], "usual, as it was said at the former home"


async def test_guesses_under_many_names_are_told_of_as_a_scan(sites: Sites):
    wrong = []
    for number in range(9):
        phone = await sites.phone(f"x{number}", "premises", register=False, media=False)
        wrong.append(phone)
    address = wrong[0].wire.local.host.rpartition(".")[0]
    for phone in wrong:
        assert (await phone.register()).code == 401
        await phone.close()
    found = wait_for(lambda: [a for a in alerts(sites) if a["rule"] == "scan"], 60, "the alert")
    assert found[0]["subject"].startswith("network:127.")
    assert address in found[0]["subject"]


def test_commands_that_refuse_say_why(sites: Sites, person: str, capsys: pytest.CaptureFixture[str]):
    assert isthmus(sites, "activity", "block", person, "calls") == 2
    assert isthmus(sites, "activity", "block", f"nobody@{DOMAIN}") == 1
    assert isthmus(sites, "activity", "unblock", person) == 1
    assert isthmus(sites, "activity", "confirm", "nothing") == 1
    assert isthmus(sites, "activity", "alerts", "--state", "weird") == 2
    assert isthmus(sites, "activity", "alerts", "--json", "--state", "all") == 0
    assert isthmus(sites, "activity", "profile", person) == 0
    output = capsys.readouterr()
    assert "Traceback" not in output.err + output.out
    with sites.api("premises") as api, pytest.raises(NotFoundError):
        api.get("/v1/activity/alerts/nothing")


def test_the_site_says_what_it_has_seen(sites: Sites):
    with sites.api("premises") as api:
        health = api.get("/v1/health")["activity"]
    assert health["events"] > 0
    assert health["dropped"] == health["waiting"] == 0


def test_what_the_settings_of_a_site_must_be(sites: Sites, tmp_path: Path):
    text = sites.file("premises").path.read_text()
    for wrong in (
        'time_zone = "Mars/Olympus"',
        'home_countries = ["de"]',
    ):
        path = tmp_path / "site.toml"
        path.write_text(text.replace('time_zone = "Europe/Berlin"', wrong))
        with pytest.raises(UsageError):
            load(path)
    for before, after in (("http://127", "http://198"), ('host = "127', 'host = "198')):
        path.write_text(text.replace(before, after))
        with pytest.raises(UsageError):
            load(path)
