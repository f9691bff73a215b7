"""Trunks at which this site has an account: it registers there, is called by its Contact, and proves its calls."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from isthmus.engines.kamailio.bulk import ask
from isthmus.engines.kamailio.rpc import RpcRefusedError
from isthmus.pki import store
from isthmus.pki.model import Names
from isthmus.pki.service import CertificateAuthority
from isthmus.sip.digest import Algorithm
from isthmus.sip.registering import TABLE
from tests.agents.carrier import Carrier
from tests.agents.raw import NO_ANSWER, User
from tests.interop.conftest import DOMAIN
from tests.interop.trunks import Trunked, with_trunks
from tests.support import Loopback, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SEATTLE = "+12065550123"
ANNA = "+14255550171"
TRUNKS = ("telco", "wrong", "later", "stream", "strict", "sealed", "endless")
SEALED = "sealed.gateways.example"


@dataclass
class Registered(Trunked):
    """Accounts at these carriers. The longer one of them is away the longer it is left alone."""

    certificate: Path

    async def carrier(self, name: str, tone_hz: float = 600, transport: str = "udp", **ways: object) -> Carrier:
        """The carrier where that trunk leads. ways: its own, of which the first REGISTER hears already."""
        host, secure, server = self.hosts[name], transport == "tls", None
        if secure:
            server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            server.load_cert_chain(self.certificate)
        carrier = await type("Carrier", (Carrier,), {"ways": ways}).open(
            f"sip:carrier@{host}",
            host,
            port=5061 if secure else 5060,
            transport=transport,
            tone_hz=tone_hz,
            listen=transport != "udp",
            server_tls=server,
            ca=self.sites.ca if secure else None,
            server_name="premises.contoso.example",
        )
        if secure:
            carrier.wire._tls.load_cert_chain(self.certificate)  # type: ignore[attr-defined]
        # It was away, and would be left alone for a while.
        with suppress(RpcRefusedError):
            await asyncio.to_thread(ask, self.sites.file("premises"), "htable.delete", TABLE, name)
        return carrier

    def state(self, name: str) -> dict[str, Any]:
        """What is known of a trunk."""
        with self.sites.api("premises") as api:
            return next(each for each in api.get("/v1/trunks") if each["name"] == name)

    async def registered(self, name: str, timeout_s: float = 100) -> None:
        """Wait until this site is registered there."""
        await asyncio.to_thread(wait_for, lambda: self.state(name)["registered"], timeout_s, "it is registered")


@pytest.fixture(scope="module")
def trunked(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Registered]:
    folder = tmp_path_factory.mktemp("a")
    ca = CertificateAuthority.create(folder / "ca", "Gateways")
    certificate = folder / "sealed.pem"
    store.write_private(certificate, ca.issue(Names(SEALED), 30))
    trunks = {name: _account(name, folder) for name in TRUNKS}
    with with_trunks(folder, loopback, trunks, {"anna": ("premises", ANNA)}) as found:
        yield Registered(found.sites, found.hosts, found.homes, certificate)


def _account(name: str, folder: Path) -> str:
    secret = folder / f"{name}.secret"
    store.write_private(secret, b"wrong\n" if name == "wrong" else f"{Carrier.secret}\n".encode())
    transport = {"stream": "tcp", "sealed": "tls"}.get(name, "udp")
    sealed = f'[trunk.tls]\nname = "{SEALED}"\nca_file = "{folder}/ca/ca.pem"\n' if name == "sealed" else ""
    return (
        f'answer_s = 2\nask_every_s = 0\ntransport = "{transport}"\n[trunk.registration]\n'
        f'user = "{Carrier.account_user}"\ndomain = "{Carrier.realm}"\npassword_file = "{secret}"\n{sealed}'
    )


@pytest.fixture
def anna(trunked: Registered) -> AbstractAsyncContextManager[User]:
    return trunked.phone("anna")


async def test_a_carrier_that_is_back_is_registered_at(trunked: Registered):
    async with await trunked.carrier("later", refuse=500) as carrier:
        await asyncio.to_thread(
            wait_for, lambda: trunked.state("later")["registration_error"].startswith("500"), 100, "it is told"
        )
        carrier.refuse, carrier.minimum_s = 0, 1800
        await trunked.registered("later")
        assert carrier.received_requests("REGISTER")[-1].get("Expires") == "1800"


async def test_a_wrong_password_is_told_and_not_tried_again_and_again(trunked: Registered, anna: Any):
    async with anna as phone, await trunked.carrier("wrong") as carrier:
        carrier.proves_calls = True
        await asyncio.to_thread(
            wait_for, lambda: trunked.state("wrong")["registration_error"] == "401 Prove It", 100, "it is told"
        )
        asked = tries(carrier, "REGISTER")
        assert trunked.state("wrong")["registered"] is False
        await asyncio.sleep(6)
        assert tries(carrier, "REGISTER") == asked
        trunked.route("wrong")
        assert await phone.refused(f"sip:{SEATTLE}@{DOMAIN}") == 503  # 407 would ask for her own password
        assert len(tries(carrier, "INVITE")) == 2


def tries(carrier: Carrier, method: str) -> set[tuple[str, str]]:
    """Requests of a method that are not the same one again, which UDP sends when an answer is slow."""
    return {(each.get("Call-ID"), each.get("CSeq")) for each in carrier.received_requests(method)}


async def test_a_challenge_that_is_too_long_is_not_answered(trunked: Registered):
    # More than the engine's client can carry back.
    async with await trunked.carrier("endless", nonce_bytes=1000) as carrier:
        await asyncio.to_thread(
            wait_for, lambda: trunked.state("endless")["registration_error"].startswith("401"), 100, "it is told"
        )
        assert not any(each.get("Authorization") for each in carrier.received_requests("REGISTER"))


async def test_it_is_registered_refreshed_and_called_by_its_contact(trunked: Registered, anna: Any):
    site = trunked.sites.address("premises")
    async with anna as phone, await trunked.carrier("telco", gives_s=12) as carrier:
        await trunked.registered("telco")
        assert carrier.bindings[0] == f"sip:4711@{site}:5060"
        call = await carrier.call(carrier.bindings[0], headers=(), sound=carrier._sound)
        await call.until(lambda: call.up or call.ended, "an answer")
        assert call.final.code == 404  # its To is the account: nobody's number
        call = await _call_to(carrier, carrier.bindings[0], ANNA)
        await phone.hears(phone.incoming[-1], 600)
        await carrier.hears(call, 440)
        await call.hang_up()
        await asyncio.to_thread(wait_for, lambda: len(carrier.bindings) > 1, 60, "it is refreshed")
        assert trunked.state("telco")["registration_error"] == ""


async def test_an_account_by_tls(trunked: Registered, anna: Any):
    trunked.route("sealed")
    async with anna as phone, await trunked.carrier("sealed", transport="tls") as carrier:
        carrier.proves_calls = True
        await trunked.registered("sealed")
        assert carrier.bindings[0] == f"sip:4711@{trunked.sites.address('premises')}:5067;transport=tls"
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await phone.hears(call, 600)
        await carrier.hears(carrier.incoming[0], 440)
        await call.hang_up()
        call = await _call_to(carrier, carrier.bindings[0], ANNA)
        await phone.hears(phone.incoming[-1], 600)
        assert (await phone.incoming[-1].hang_up()).code == 200
        assert await call.over() == "BYE"


async def _call_to(carrier: Carrier, contact: str, number: str) -> Any:
    """A call by the Contact, for a number in To."""
    build = carrier.build

    def built(method: str, uri: str, to: str, **more: Any) -> Any:
        return build(method, uri, f"sip:{number}@carrier.example" if method == "INVITE" else to, **more)

    carrier.build = built  # type: ignore[method-assign]
    call = await carrier.call(contact, sound=carrier._sound, caller="sip:+12065550100@carrier.example")
    await call.answered()
    carrier.build = build  # type: ignore[method-assign]
    return call


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize(("name", "transport"), [("strict", "udp"), ("stream", "tcp")])
async def test_a_call_that_has_to_be_proved_is_and_lives_on_as_any_other(
    trunked: Registered, anna: Any, name: str, transport: str, algorithm: Algorithm
):
    """The carrier wants a new CSeq with the credentials, and no CSeq twice after that; by SHA-256 it does without."""
    trunked.route(name)
    async with anna as phone, await trunked.carrier(name, transport=transport) as carrier:
        carrier.proves_calls, carrier.algorithm, carrier.counts = True, algorithm, algorithm is Algorithm.MD5
        # What steers the engine's counting is not for phones.
        made_up = [("P-K-CSeq-Auth", "7000"), ("P-K-CSeq-Refresh", "7000")]
        call = await phone.call(f"sip:{SEATTLE}@{DOMAIN}", headers=made_up, sound=phone._sound)
        await call.answered()
        await phone.hears(call, 600)
        await carrier.hears(carrier.incoming[0], 440)
        assert carrier.incoming[0].invite.cseq[0] < 10
        assert not any("P-K-" in record.data.decode() for record in carrier.record)
        assert (await call.hold()).code == 200
        assert (await call.resume()).code == 200
        assert (await carrier.incoming[0].reinvite()).code == 200
        assert (await call.hang_up()).code == 200
        assert await carrier.incoming[0].over() == "BYE"
        carrier.proves_all = True
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        assert (await call.hold()).code == 200
        assert (await call.resume()).code == 200
        await phone.hears(call, 600)
        await carrier.hears(carrier.incoming[-1], 440)
        assert (await call.hang_up()).code == 200
        assert await carrier.incoming[-1].over() == "BYE"
        carrier.stale, carrier.proves_all = 1, False
        call = await phone.dial(f"sip:{SEATTLE}@{DOMAIN}")
        await carrier.incoming[-1].hang_up()
        assert await call.over() == "BYE"
        carrier.rule = NO_ANSWER
        call = await phone.ring(f"sip:{SEATTLE}@{DOMAIN}")
        call.cancel()
        assert await call.over() == "487 Request Terminated"
        assert await carrier.incoming[-1].over() == "CANCEL"
