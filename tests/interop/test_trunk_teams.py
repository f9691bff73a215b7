"""Microsoft Teams, Direct Routing: a peer that is as strict about names as Microsoft's documents say, by TLS and SRTP.

"Direct Routing - SIP protocol": the next hop is the name in the topmost Record-Route, or else in Contact; addresses are
refused there, and so are names that are not in the certificate, sips: URIs and Replaces. Before any call it is asked by
OPTIONS; it speaks SRTP alone, with keys in the SDP. Its calls come with the name sip.pstnhub.microsoft.com.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.pki import store
from isthmus.pki.model import Names
from isthmus.pki.service import CertificateAuthority
from isthmus.useragent.call import Call
from isthmus.useragent.dialog import Dialog, Hop
from isthmus.useragent.message import Request, response_to, uri_of
from isthmus.useragent.transaction import Flow
from tests.agents.raw import User
from tests.agents.srtp import SecureMedia, SecureUser
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TEAMS = "sip.pstnhub.microsoft.com"
SBC = "premises.contoso.example"
SEATTLE = "+12065550123"
NUMBERS = {"anna": "+14255550171", "olga": "+14255550172"}
TRUNKS = {"teams": "", "misnamed": '[trunk.shape]\nfrom_host = "sbc.fabrikam.example"\n'}


class Teams(SecureUser):
    """The SIP proxy of Direct Routing. paired: addresses by the names of the SBCs that it knows."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.paired: Mapping[str, str] = {}
        self.asked = 0  # by OPTIONS that it took
        self.refusals: list[str] = []

    def _outside_dialog(self, request: Request, flow: Flow) -> None:
        wrong = self._wrong(request, flow)
        if wrong:
            self.refusals.append(wrong)
            self.respond(request, response_to(request, 403, "Forbidden", to_tag="t"))
            return
        self.asked += request.method == "OPTIONS"
        super()._outside_dialog(request, flow)

    def _wrong(self, request: Request, flow: Flow) -> str:
        """What keeps Teams from taking a request; empty for nothing."""
        shown = names_in(flow)
        for name in ("Record-Route", "Contact"):
            uri = next((uri_of(each) for each in request.all(name)), "")
            host = Hop.of(uri).host if uri else ""
            if name == "Contact" and not uri:
                return f"{request.method} without Contact"
            if uri and (host not in shown or host not in self.paired or not uri.startswith("sip:")):
                return f"{name}: {uri} is none of {shown}"
        if request.get("Replaces"):
            return "Replaces"
        offered = request.body.decode()
        if request.method == "INVITE" and ("m=audio" not in offered or "RTP/AVP" in offered):
            return "media in the clear"
        return ""

    async def flow_for(self, uri: str, dialog: Dialog | None = None) -> Flow:
        """By a name alone, which the certificate has to have (the wire sees to that)."""
        hop = Hop.of(uri)
        if hop.host not in self.paired:
            raise OSError(f"{uri} has no name of an SBC")
        return await self.wire.flow_to(self.paired[hop.host], hop.port)


def names_in(flow: Flow) -> list[str]:
    """The names in the certificate that was shown by this connection."""
    found = flow.connection.socket.get_extra_info("peercert")  # type: ignore[attr-defined]
    return [name for kind, name in (found or {}).get("subjectAltName", ()) if kind == "DNS"]


@dataclass
class Paired(Trunked):
    """Trunks to Teams, and the authority that both know."""

    folder: Path
    ca: CertificateAuthority

    def context(self, name: str, *, server: bool) -> ssl.SSLContext:
        """Mutual TLS: who it is shown to has to show a certificate of the site's authority."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            store.write_private(path, self.ca.issue(Names(name), 30))
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        found = ssl.create_default_context(purpose, cafile=self.sites.ca)
        found.load_cert_chain(path)
        if server:
            found.verify_mode = ssl.CERT_REQUIRED
        return found

    @asynccontextmanager
    async def teams(self, trunk: str = "teams", name: str = TEAMS) -> AsyncIterator[Teams]:
        """Teams, where that trunk leads, with that name in its certificate."""
        host = self.hosts[trunk]
        user = await Teams.open(
            f"sip:{SEATTLE}@{TEAMS}",
            host,
            port=5061,
            transport="tls",
            ca=self.sites.ca,
            server_name=SBC,
            listen=True,
            server_tls=self.context(name, server=True),
            tone_hz=600,
        )
        user.wire._tls = self.context(name, server=False)  # type: ignore[attr-defined]
        user.paired = {SBC: self.sites.address("premises")}
        async with user:
            yield user

    def state(self, name: str) -> str:
        with self.sites.api("premises") as api:
            return next(each["state"] for each in api.get("/v1/trunks") if each["name"] == name)


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Paired]:
    folder = tmp_path_factory.mktemp("t")
    ca = CertificateAuthority.create(folder / "ca", "Somebody that Teams is known by")
    own = 'ask_every_s = 1\nprofile = "teams-direct-routing"\nanswer_s = 2\n'
    own += f'[trunk.tls]\nca_file = "{folder}/ca/ca.pem"\n'
    people = {"anna": ("premises", NUMBERS["anna"]), "olga": ("online", NUMBERS["olga"])}
    with with_trunks(folder, loopback, {name: own + more for name, more in TRUNKS.items()}, people) as found:
        yield Paired(found.sites, found.hosts, found.homes, folder, ca)


async def asked(teams: Teams) -> None:
    """Wait until Teams has taken OPTIONS, as it does before any call."""
    await teams.changes.until(lambda: teams.asked, f"OPTIONS that Teams takes, not {teams.refusals}", 30)


async def heard(phone: User, call: Call, teams: Teams, theirs: Call) -> None:
    """Both hear each other, and Teams nothing in the clear."""
    await phone.hears(call, 600)
    await teams.hears(theirs, 440)
    assert isinstance(theirs.media, SecureMedia)
    assert theirs.media.refused == 0


async def test_options_both_ways_by_the_name_in_the_certificate(trunked: Paired):
    async with trunked.teams() as teams:
        await asked(teams)
        options = teams.received_requests("OPTIONS")[-1]
        assert options.uri == f"sip:{TEAMS}:5061;transport=tls"
        assert uri_of(options.get("Contact")) == f"sip:{SBC}:5067;transport=tls"
        assert uri_of(options.get("From")) == f"sip:{SBC}"
        answer = await teams.request("OPTIONS", f"sip:{SBC}:5067;transport=tls")
        assert answer.code == 200
        assert uri_of(answer.get("Contact")) == f"sip:{SBC}:5067;transport=tls"
        assert teams.refusals == []
        await asyncio.to_thread(wait_for, lambda: trunked.state("teams") == "up", 60, "it is known to be up")


@pytest.mark.parametrize("user", ["anna", "olga"])
async def test_a_call_to_teams_is_heard_held_moved_and_ended_by_either(trunked: Paired, user: str):
    trunked.route("teams")
    trunked.route("@premises", at="online")
    async with trunked.phone(user) as phone, trunked.teams() as teams:
        await asked(teams)
        for ends_it in ("teams", "phone"):
            call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
            theirs = teams.incoming[-1]
            assert theirs.invite is not None
            contact = uri_of(theirs.invite.get("Contact"))
            assert contact.startswith(f"sip:{NUMBERS[user]}@{SBC}:5067;transport=tls;")
            assert theirs.invite.all("Record-Route")[0].startswith(f"<sip:{SBC}:5067;transport=tls;")
            assert uri_of(theirs.invite.get("From")).startswith(f"sip:{NUMBERS[user]}@{SBC}")
            await heard(phone, call, teams, theirs)
            assert (await call.hold()).code == 200
            assert uri_of(theirs.requests[-1].get("Contact")).startswith(f"sip:{NUMBERS[user]}@{SBC}:5067;")
            assert (await call.resume()).code == 200
            # With the connections gone Teams goes by the name it knows, and the phone gets its own Contact as it was.
            await drop(teams)
            assert (await theirs.reinvite()).code == 200
            assert call.requests[-1].uri == phone.contact
            await heard(phone, call, teams, theirs)
            if ends_it == "teams":
                assert (await theirs.hang_up()).code == 200
                assert await call.over() == "BYE"
                assert call.requests[-1].uri == phone.contact
            else:
                assert (await call.hang_up()).code == 200
                assert await theirs.over() == "BYE"
        assert teams.refusals == []


async def drop(teams: Teams) -> None:
    """Close all connections of Teams, as it does."""
    open_ones = list(teams.wire.connections.values())  # type: ignore[attr-defined]
    for connection in open_ones:
        connection.socket.abort()
    while any(connection.socket for connection in open_ones):
        await asyncio.sleep(0)


@pytest.mark.parametrize("user", ["anna", "olga"])
async def test_a_call_from_teams_is_heard_held_moved_and_ended_by_either(trunked: Paired, user: str):
    async with trunked.phone(user) as phone, trunked.teams() as teams:
        await asked(teams)
        for ends_it in ("teams", "phone"):
            theirs = await teams.dial(f"sip:{NUMBERS[user]}@{SBC}:5067;transport=tls")
            call = phone.incoming[-1]
            assert theirs.final is not None
            assert uri_of(theirs.final.get("Contact")).startswith(f"sip:{NUMBERS[user]}@{SBC}:5067;transport=tls;")
            await heard(phone, call, teams, theirs)
            assert (await theirs.hold()).code == 200
            assert (await theirs.resume()).code == 200
            assert call.requests[-1].uri == phone.contact
            assert (await call.reinvite()).code == 200
            assert uri_of(theirs.requests[-1].get("Contact")).startswith(f"sip:{NUMBERS[user]}@{SBC}:5067;")
            await heard(phone, call, teams, theirs)
            if ends_it == "teams":
                assert (await theirs.hang_up()).code == 200
                assert await call.over() == "BYE"
            else:
                assert (await call.hang_up()).code == 200
                assert await theirs.over() == "BYE"


async def test_who_has_another_name_than_teams_gets_no_call_and_makes_none(trunked: Paired):
    trunked.route("teams")
    async with trunked.phone("anna") as phone, trunked.teams(name="sip.pstnhub.example") as stranger:
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 503
        assert stranger.record == []
        call = await stranger.call(f"sip:{NUMBERS['anna']}@{SBC}:5067;transport=tls")
        await asyncio.to_thread(wait_for, lambda: not stranger.wire.connections, 60, "it is shown out")  # type: ignore[attr-defined]
        assert not call.responses
        assert phone.incoming == []


async def test_teams_takes_no_call_of_a_name_that_is_not_in_the_certificate(trunked: Paired):
    """That the peer of these tests looks, and what `from_host` without its certificate comes to."""
    trunked.route("misnamed")
    async with trunked.phone("anna") as phone, trunked.teams("misnamed") as teams:
        teams.paired = {**teams.paired, "sbc.fabrikam.example": trunked.sites.address("premises")}
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 403
        assert any("sbc.fabrikam.example" in each for each in teams.refusals)
        assert teams.incoming == []
