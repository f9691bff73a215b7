"""Generated from the tree of commands: an administrator of another tenant, by --url and a token of their own.

The site answers over a web port of its own here, on loopback, as it does behind haproxy.
"""

from __future__ import annotations

import os
import shlex
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from typer.main import get_command

from isthmus.addressing import Aor
from isthmus.api import web_app
from isthmus.api.gate import Limits
from isthmus.cli.assembly import app
from isthmus.cli.main import run
from isthmus.database import writing
from isthmus.numbers.model import Block, PortDirection, Range
from isthmus.plans.model import Plan as CallingPlan
from isthmus.policy.licences import FEATURES
from isthmus.policy.model import Policy
from isthmus.pstn.model import VoiceRoute
from isthmus.records import store
from tests.api.callers import OPERATOR, Site, open_site
from tests.api.test_routes import make_connector, make_place, make_purchase
from tests.cli.conftest import Answer
from tests.records.conftest import answered, begins, bye
from tests.records.test_rules import leg_of, record_of

# What is asked of tenant main's objects by fabrikam's administrator. {object} stands for its name, or for one of the
# same kind that does not exist. A command that is neither here nor below fails the test that counts them.
REFUSED = {
    "user show": "{aor}", "user set": "{aor} --name x", "user edit": "{aor} --disable",
    "user delete": "{aor} --yes",
    "user create": "{aor} --generate-password --home premises", "user move": "{aor} --to online --dry-run",
    "user export": "--match {aor} --format json", "user list": "--match {aor}", "user import": "{file}",
    "directory sync": "--dry-run", "directory compare": "", "directory conflicts": "",
    "directory sources": "", "directory show": "{aor}", "directory restore": "{aor}",
    "directory runs": "",
    "tenant list": "", "tenant show": "{tenant}", "tenant create": "new", "tenant set": "{tenant} --name x",
    "tenant delete": "{tenant} --yes",
    "domain list": "--tenant {tenant}", "domain show": "{domain} --tenant {tenant}",
    "domain add": "new.{domain} --tenant {tenant}", "domain verify": "{domain} --tenant {tenant}",
    "domain remove": "{domain} --tenant {tenant}",
    "group rename": "{group} other --tenant {tenant}",
    "group list": "--tenant {tenant}", "group show": "{group} --tenant {tenant}",
    "group create": "{group} --tenant {tenant}", "group set": "{group} --description x --tenant {tenant}",
    "group delete": "{group} --yes --tenant {tenant}", "group add": "{group} {aor} --tenant {tenant}",
    "group remove": "{group} {aor} --tenant {tenant}",
    "chat export": "{aor}", "presence show": "{aor}", "presence set": "{aor} --be away",
    "registration list": "{aor}", "call list": "",
    "number list": "--tenant {tenant}", "number search": "--tenant {tenant}", "number show": "{number}",
    "number reserve": "{number}", "number assign": "{number} service:x", "number release": "{number}",
    "number transfer": "{number} service:x", "number ranges": "--tenant {tenant}", "number add": "{number}",
    "number set": "{number} --carrier x",
    "number remove": "{number}", "number port list": "--tenant {tenant}", "number port show": "{port}",
    "number find": "--country US --tenant {tenant}", "number buy": "+14255550348 --tenant {tenant}",
    "number purchases": "--tenant {tenant}", "number purchase": "{purchase}", "number confirm": "{purchase}",
    "number cancel": "{purchase}", "number return": "{purchase}", "number address": "{number} {place}",
    "plan list": "--tenant {tenant}", "plan show": "{plan} --tenant {tenant}",
    "plan set": "{plan} --home US --tenant {tenant}", "plan delete": "{plan} --tenant {tenant}",
    "plan people": "{plan} --tenant {tenant}",
    "plan assign": "{plan} {aor}", "plan unassign": "{plan} {aor}", "plan usage": "--tenant {tenant}",
    "plan settings": "--tenant {tenant}", "credit show": "--tenant {tenant}",
    "credit add": "50 USD --tenant {tenant}", "credit charges": "--tenant {tenant}",
    "number import": "{numbers}", "number export": "--tenant {tenant}",
    "number port request": "out {number} --carrier x", "number port set": "{port} cancel",
    "call records": "--who {aor}", "call record": "{call}", "call ladder": "{call}",
    "call export": "--who {aor}", "call reports": "--who {aor}",
    "rate list": "--tenant {tenant}", "rate import": "{rates} --tenant {tenant}",
    "account list": "", "account show": "{account}", "account set": "{account} --name x",
    "account create": "new --person {aor}", "account delete": "{account} --yes", "account disable": "{account}",
    "account reset-mfa": "{account}",
    "role list": "", "role show": "{role} --tenant {tenant}", "role delete": "{role} --tenant {tenant}",
    "role grant": "auditor {account}", "role revoke": "global {account}",
    "role create": "{role} --permission person.read --tenant {tenant}",
    "token list": "--account {account}", "token create": "x --account {account} --permission person.read",
    "token revoke": "{token}", "session list": "--account {account}", "session revoke": "{session}",
    "access explain": "erin person.read {aor}",
    "move list": "", "move show": "{move}", "move pause": "{move}", "move resume": "{move}", "move cancel": "{move}",
    "licence list": "--tenant {tenant}", "licence show": "{plan} --tenant {tenant}",
    "licence set": "{plan} --count 1 --feature messaging --dry-run --tenant {tenant}",
    "licence delete": "{plan} --tenant {tenant}", "licence assign": "{plan} {aor}",
    "licence unassign": "{plan} {aor}", "licence check": "--tenant {tenant}",
    "policy list": "--tenant {tenant}", "policy kinds": "", "policy show": "calling {policy}",
    "policy create": "calling {policy} --tenant {tenant}", "policy set": "calling {policy} --description x",
    "policy delete": "calling {policy}", "policy grant": "calling {policy} --person {aor}",
    "policy revoke": "calling --person {aor}", "policy explain": "{aor}", "dialplan test": "{aor} 911",
    "trunk list": "", "call end": "{call}",
    "route list": "--tenant {tenant}", "route show": "{route} --tenant {tenant}",
    "route add": "x --pattern + --by carrier --tenant {tenant}", "route set": "{route} --priority 1 --tenant {tenant}",
    "route delete": "{route} --tenant {tenant}",
    "call block list": "--tenant {tenant}", "call block add": "+1900 --out --tenant {tenant}",
    "call block remove": "+1900 --out --tenant {tenant}",
    "cap list": "--tenant {tenant}", "cap show": "country:CU --tenant {tenant}",
    "cap set": "country:CU --minutes 5 --tenant {tenant}", "cap remove": "country:CU --tenant {tenant}",
    "connector list": "--tenant {tenant}", "connector show": "{connector} --tenant {tenant}",
    "connector drain": "{connector} --tenant {tenant}", "connector resume": "{connector} --tenant {tenant}",
    "connector remove": "{connector} --tenant {tenant}", "connector sites": "--tenant {tenant}",
    "connector remove-site": "{branch} --tenant {tenant}",
    "connector configure": "--site {branch} --window '' --tenant {tenant}",
    "connector package": "--site {branch} -o {file} --tenant {tenant}",
    "location find": "--address 10.1.2.3 --tenant {tenant}", "location choose": "{aor} --place {place}",
    "location chosen": "{aor}", "location loans": "--tenant {tenant}",
    "location callback": "+14255550190 --tenant {tenant}", "location place list": "--tenant {tenant}",
    "location place show": "{place} --tenant {tenant}", "location place set": "{place} --default --tenant {tenant}",
    "location place add": "{place} --country DE --set RD=x --tenant {tenant}",
    "location place remove": "{place} --tenant {tenant}", "location network list": "--tenant {tenant}",
    "location network add": "subnet 10.1.0.0/16 --place {place} --tenant {tenant}",
    "location network remove": "subnet 10.1.0.0/16 --tenant {tenant}",
    "location network import": "{network} --dry-run --tenant {tenant}",
    "audit list": "--tenant {tenant}", "audit search": "alice", "audit show": "{entry}",
    "audit export": "--object {aor}", "audit verify": "", "audit anchor": "", "audit accept": "--reason x",
    "device list": "{aor}", "device show": "{device}", "device add": "{aor} --label x",
    "device rename": "{device} --label x", "device rotate": "{device}", "device revoke": "{device} --yes",
    "device forbid-md5": "{device}",
    "activity alerts": "", "activity show": "{account}", "activity profile": "{aor}",
    "activity confirm": "{alert}", "activity false-alarm": "{alert}", "activity block": "{aor}",
    "activity unblock": "{aor}", "activity networks": "", "activity block-network": "198.51.100.0/24",
    "activity unblock-network": "198.51.100.0/24",
    "scim status": "--tenant {tenant}", "scim token list": "--tenant {tenant}",
    "scim token create": "x --tenant {tenant}", "scim token revoke": "{token}",
    "snapshot status": "", "snapshot rebuild": "",
}  # fmt: skip
# What works without any site's API, or shows what is everybody's.
APART = {
    "demo", "pki", "site", "stir", "call explain", "call block test", "route matrix", "trunk test", "trunk profiles",
    "connector capacity", "connector install", "connector offer", "connector run",
}  # fmt: skip
SECRETS = ("alice", "contoso", "14255550101", "reception", "anna", "backup")


@dataclass
class Elsewhere:
    """A site with tenants main and fabrikam, whose administrator erin has a token in `token_file`."""

    site: Site
    url: str
    token_file: Path
    names: dict[str, str]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder = tmp_path_factory.mktemp("e")
    services = open_site(folder)
    site = Site(services, web_app(services, Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))))
    site.person("alice@contoso.example", "+14255550101")
    site.account("anna", "global")
    site.account("erin", "global", tenant="fabrikam")
    services.identity.accounts.put_role(OPERATOR, "reception", ["person.read"], tenant="main")
    services.groups.create("main", "reception-desk", "", actor="test")
    services.licences.define("main", "standard", count=5, features=sorted(FEATURES)[:1], actor="test")
    services.policies.create(Policy("main", "calling", "anna-only", (), ""), actor="test")
    make_connector(services, "reception-connector", "reception-branch")
    services.routes.create(VoiceRoute("main", "reception-route", ("+",), (("carrier", 0),)), actor="test")
    make_place(services, "reception-floor")
    batch = services.moving.moves.start([Aor.parse("alice@contoso.example")], "nowhere", actor="test")
    device, _ = services.devices.add(Aor.parse("alice@contoso.example"), "desk", actor="test")
    token, _ = services.identity.own.create_token(OPERATOR, "backup", ["person.read"], 3600, "anna")
    site.browser().sign_in("anna")
    services.numbers.add(Block(Range.parse("+14255550100-0199"), "main"), actor="test")
    services.plans.define(CallingPlan("main", "standard", ("US",)), actor="test")
    purchase = make_purchase(services)
    order = services.porting.request(
        PortDirection.OUT, Block(Range.parse("+14255550101"), "main", carrier="Northwind"), actor="test"
    )
    with writing(services.engine) as connection:
        record = record_of(leg_of(begins(100), answered(103), bye(163)))
        store.add(connection, [msgspec.structs.replace(record, caller_tenant="main", callee_tenant="main")])
    entry = services.directory.audit("alice@contoso.example")[0]["id"]
    names = {
        "aor": "alice@contoso.example", "tenant": "main", "domain": "contoso.example", "group": "reception-desk",
        "account": "anna", "role": "reception", "token": token.id, "move": batch.id, "plan": "standard",
        "session": services.identity.own.sessions(OPERATOR)[0][0].id, "file": str(folder / "people.csv"),
        "policy": "anna-only", "route": "reception-route", "connector": "reception-connector",
        "branch": "reception-branch",
        "device": device.device.name, "alert": "a" * 32, "entry": str(entry),
        "number": "+14255550101", "numbers": str(folder / "numbers.csv"), "port": order.id, "purchase": purchase,
        "place": "reception-floor", "network": str(folder / "network.csv"),
        "call": record.call_id, "rates": str(folder / "rates.csv"),
    }  # fmt: skip
    (folder / "rates.csv").write_text("prefix,name,price_per_minute,currency\n+1,x,1,USD\n")
    (folder / "people.csv").write_text("aor,home\nalice@contoso.example,premises\n")
    (folder / "network.csv").write_text("kind,id,place\nsubnet,10.2.0.0/16,reception-floor\n")
    (folder / "absent.csv").write_text("aor,home\nzzzzz@contoso.example,premises\n")
    (folder / "numbers.csv").write_text("number\n+14255550400\n")
    secret = site.by_token("erin").headers["Authorization"].removeprefix("Bearer ")
    (folder / "token").write_text(secret)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Elsewhere(site, f"http://127.0.0.1:{listener.getsockname()[1]}", folder / "token", names)
    server.should_exit = True
    thread.join(10)
    services.close()


@pytest.fixture
def erin(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Answer]:
    """Commands as fabrikam's administrator, on a machine without any site."""
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    for name in ("ISTHMUS_URL", "ISTHMUS_TOKEN_FILE", "ISTHMUS_CA_FILE", "ISTHMUS_SITE"):
        monkeypatch.setenv(name, "")  # set by the command itself, and undone with the test
    monkeypatch.delenv("ISTHMUS_SITE")
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = run(["--url", elsewhere.url, "--token-file", str(elsewhere.token_file), *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "fault of isthmus" not in err
        return Answer(code, out, err)

    return call


def commands(group: Any = None, above: str = "") -> Iterator[str]:
    """Every command there is, as its words."""
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}"


COMMANDS = [each for each in commands() if each not in APART and each.split()[0] not in APART]


def words(elsewhere: Elsewhere, command: str, names: dict[str, str]) -> list[str]:
    return [*command.split(), *shlex.split(REFUSED[command].format(**names))]


def absent(names: dict[str, str]) -> dict[str, str]:
    """Names of the same lengths, so that tables are alike, of what does not exist."""
    kept = {
        "file": names["file"].replace("people", "absent"),
        "aor": "zzzzz@contoso.example",
        "entry": "99",
        "number": "+14255559999",
        **{name: names[name] for name in ("numbers", "network", "rates")},
    }
    others = {name: "z" * len(value) for name, value in names.items() if name not in kept}
    return {**others, "domain": "zzzzzzz.example", **kept}


def anonymous(answer: Answer, *named: dict[str, str]) -> tuple[int, str, str]:
    """Without any of the names that were asked for, there or not."""
    texts = [answer.out, answer.err]
    for value in sorted({value for names in named for value in names.values()}, key=len, reverse=True):
        texts = [text.replace(value, "*") for text in texts]
    return answer.code, texts[0], texts[1]


def test_every_command_is_asked_here():
    assert set(COMMANDS) == set(REFUSED)


@pytest.mark.parametrize("command", COMMANDS)
def test_another_tenants_things_are_as_if_they_did_not_exist(
    elsewhere: Elsewhere, erin: Callable[..., Answer], command: str
):
    nowhere = absent(elsewhere.names)
    there, not_there = (erin(*words(elsewhere, command, names)) for names in (elsewhere.names, nowhere))
    both = (elsewhere.names, nowhere)
    assert anonymous(there, *both) == anonymous(not_there, *both)
    asked = " ".join(words(elsewhere, command, elsewhere.names))
    if command == "user import":
        asked += Path(elsewhere.names["file"]).read_text()
    for secret in SECRETS:
        if secret not in asked:
            assert secret not in there.out + there.err, secret


def test_nothing_was_changed_by_any_of_it(elsewhere: Elsewhere):
    services: Any = elsewhere.site.services
    assert [str(person.aor) for person in services.directory.people()] == ["alice@contoso.example"]
    assert services.identity.accounts.get(OPERATOR, "anna")[0].enabled
    assert services.tenants.get("main")[0].display_name == ""
    assert services.groups.get("main", "reception-desk").group.description == ""


def test_ones_own_things_are_shown_and_changed(elsewhere: Elsewhere, erin: Callable[..., Answer]):
    """The tests above would hold for a site that answers nothing."""
    made = erin("user", "create", "zoe@fabrikam.example", "--generate-password", "--home", "premises")
    assert made.code == 0, made.err
    assert "zoe@fabrikam.example" in erin("user", "list").out
    assert "fabrikam.example" in erin("domain", "list").out
    assert erin("tenant", "set", "fabrikam", "--name", "Fabrikam").code == 0
    assert "erin" in erin("account", "list").out
    assert erin("user", "delete", "zoe@fabrikam.example", "--yes").code == 0
    assert "user.create" not in erin("audit", "list").out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--url", "http://192.0.2.1:8443"], "not an https address"),
        (["--url", "ftp://127.0.0.1"], "not an https address"),
        (["--url", "https://127.0.0.1:1"], "needs --token-file"),
        (["--url", "https://127.0.0.1:1", "--token-file", "/nonexistent"], "the token can't be read"),
    ],
)
def test_wrong_ways_to_a_site_elsewhere(
    options: list[str], told: str, erin: Callable[..., Answer], capsys: pytest.CaptureFixture[str]
):
    assert run([*options, "user", "list"]) == 2
    assert told in capsys.readouterr().err


def test_a_token_that_is_none_is_told(elsewhere: Elsewhere, erin: Callable[..., Answer], tmp_path: Path, capsys: Any):
    (tmp_path / "wrong").write_text("isthmus_wrong\n")
    assert run(["--url", elsewhere.url, "--token-file", str(tmp_path / "wrong"), "user", "list"]) == 1
    assert "token" in capsys.readouterr().err
