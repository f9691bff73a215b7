"""What is attested, and which claims are believed."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from isthmus.stir import certificates, identity, passport, rules
from isthmus.stir.model import Attest, Authority, Claim, Credential, Passport, Range, Verdict, Verstat
from tests.stir.conftest import CALLED, CALLER, NOW_S, URL, Signer, said


@dataclass(frozen=True)
class Owner:
    aor: str = "alice@contoso.example"
    tenant: int = 0


@pytest.mark.parametrize(
    ("caller", "owner", "prefixes", "attest"),
    [
        (None, None, (), Attest.GATEWAY),
        (Owner(), Owner(), (), Attest.FULL),
        (Owner(), Owner("main-line@contoso.example"), (), Attest.FULL),
        (Owner(), Owner("eve@fabrikam.example", 1), (), Attest.PARTIAL),
        (Owner(), None, (), Attest.PARTIAL),
        (Owner(), None, ("+1425555",), Attest.FULL),
    ],
)
def test_a_call_is_vouched_for_as_far_as_the_number_is_known(
    caller: Owner | None, owner: Owner | None, prefixes: tuple[str, ...], attest: Attest
):
    assert rules.attestation("+14255550101", caller, owner, prefixes) is attest


def header_of(signer: Signer, made: Passport, url: str = URL) -> str:
    return str(identity.of_token(passport.sign(made, signer.key), url))


def judged(signer: Signer, *headers: str, now_s: int = NOW_S, **changes: object) -> Verdict:
    claim = msgspec.structs.replace(Claim(headers, CALLER, (CALLED,)), **changes)
    credential = certificates.judge(URL, signer.pem, signer.roots, _valid_at(signer))
    return rules.verify(claim, now_s, {URL: credential}.get)


def _valid_at(signer: Signer) -> int:
    from cryptography import x509

    return int(x509.load_pem_x509_certificate(signer.pem).not_valid_before_utc.timestamp()) + 3600


def test_a_good_signature_passes_and_says_how_far_the_caller_is_known(signer: Signer):
    verdict = judged(signer, header_of(signer, said(attest="B")))
    assert (verdict.verstat, verdict.attest, verdict.code) == (Verstat.PASSED, "B", 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"orig_tn": "14255550109"}, 438),
        ({"dest_tn": ("12065550999",)}, 438),
        ({"iat": NOW_S - 61}, 403),
        ({"iat": NOW_S + 61}, 403),
        ({"attest": "D"}, 438),
        ({"origid": ""}, 438),
        ({"x5u": "http://certificates.example/contoso.pem"}, 436),
        ({"x5u": "https://user@certificates.example/"}, 436),
    ],
    ids=str,
)
def test_what_is_not_of_this_call_fails(signer: Signer, changes: dict[str, object], code: int):
    made = said(**changes)
    verdict = judged(signer, header_of(signer, made, made.x5u))
    assert (verdict.verstat, verdict.code) == (Verstat.FAILED, code), verdict.why


def test_another_callers_certificate_does_not_help(signer: Signer):
    made = said(orig_tn="14255559999")
    verdict = judged(signer, header_of(signer, made), caller="14255559999")
    assert (verdict.verstat, verdict.code) == (Verstat.FAILED, 437)


def test_a_header_whose_parts_contradict_each_other_fails(signer: Signer):
    token = passport.sign(said(), signer.key)
    for header, code in (
        (f"{token};info=<https://other.example/c.pem>;alg=ES256;ppt=shaken", 436),
        (f"{token};info=<{URL}>;alg=RS256;ppt=shaken", 437),
        (f"{token};info=<{URL}>;alg=ES256", 438),
    ):
        assert judged(signer, header).code == code


def test_of_several_headers_one_good_one_is_enough_and_the_first_four_are_looked_at(signer: Signer):
    good, bad = header_of(signer, said()), header_of(signer, said(orig_tn="1"))
    assert judged(signer, bad, good).verstat is Verstat.PASSED
    assert judged(signer, *[bad] * 4, good).verstat is Verstat.FAILED


def test_without_a_header_nothing_is_said(signer: Signer):
    assert judged(signer).verstat is Verstat.NONE
    other = header_of(signer, said()).replace("ppt=shaken", "ppt=div")
    assert judged(signer, other).verstat is Verstat.NONE


def test_a_certificate_that_is_not_known_is_asked_for(signer: Signer):
    claim = Claim((header_of(signer, said()),), CALLER, (CALLED,))
    verdict = rules.verify(claim, NOW_S, lambda url: None)
    assert (verdict.verstat, verdict.ask) == (Verstat.NONE, URL)


def test_an_expired_certificate_fails(signer: Signer):
    verdict = judged(signer, header_of(signer, said(iat=9_000_000_000)), now_s=9_000_000_000)
    assert (verdict.verstat, verdict.code) == (Verstat.FAILED, 437)


@pytest.mark.parametrize(
    ("authority", "number", "covered"),
    [
        (Authority(("1234",)), "4420794600", True),
        (Authority((), (Range("14255550100", 100),)), "14255550199", True),
        (Authority((), (Range("14255550100", 100),)), "14255550200", False),
        (Authority((), (Range("14255550100", 100),)), "142555501001", False),
        (Authority((), (Range("14255550100"),)), "14255550100", True),
    ],
)
def test_a_certificate_speaks_for_its_numbers(authority: Authority, number: str, covered: bool):
    assert rules.covers(authority, number) is covered


def test_a_credential_with_a_fault_is_not_believed(signer: Signer):
    claim = Claim((header_of(signer, said()),), CALLER, (CALLED,))
    bad = Credential(URL, fault="nobody vouches for it", fault_code=437)
    assert rules.verify(claim, NOW_S, lambda url: bad).verstat is Verstat.FAILED
