"""Sign-in by SAML: against a real provider (pysaml2), and against every lie about its assertions we know of."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from starlette.testclient import TestClient

from isthmus.api import web_app
from tests.api.callers import BASE, Browser, Site, open_site
from tests.api.test_routes import WITHOUT_LIMITS
from tests.federation.conftest import known_as
from tests.federation.saml_provider import ASSERTION, ENTITY, MFA, SamlIdp, form, key_pair, signed_anew, wrapped

BEGIN, ACS = "/v1/session/outside/idp", "/v1/session/outside/idp/acs"
_PROVIDER = """
[[identity_provider]]
name = "idp"
kind = "saml"
title = "Contoso"
metadata_file = "{folder}/idp.xml"
second_factor_acr = ["https://refeds.org/profile/mfa"]
"""
_PEOPLE = 'source = "people"\nentry_claim = "objectGUID"\n'
_ANYONE = 'accounts = "anyone"\nlogin_claim = "urn:oid:0.9.2342.19200300.100.1.1"\n'


@dataclass
class Away:
    """A site, and the provider its people come from."""

    site: Site
    idp: SamlIdp

    def begin(self, browser: Browser, **body: Any) -> str:
        begun = browser.post(BEGIN, json=body)
        assert begun.status_code == 200, begun.text
        return str(begun.json()["address"])

    def back(self, browser: Browser, xml: bytes, relay_state: str) -> Any:
        """As the provider's page sends it: from another origin."""
        headers = {"Origin": "https://idp.contoso.example", "Sec-Fetch-Site": "cross-site"}
        return browser.client.post(ACS, data=form(xml, relay_state), headers=headers, follow_redirects=False)

    def arrive(self, browser: Browser, **answer: Any) -> Any:
        return self.back(browser, *self.idp.response(self.begin(browser), **answer))

    def refused(self, lie: Callable[[bytes], bytes], **answer: Any) -> str:
        """A stranger is not let in by a changed answer; why, by the audit log."""
        browser = self.site.browser()
        xml, relay_state = self.idp.response(self.begin(browser), attributes={"uid": "anna"}, **answer)
        return self.why(browser, self.back(browser, lie(xml), relay_state))

    def why(self, browser: Browser, answer: Any) -> str:
        assert answer.headers["location"] == "/account?outside=refused", answer.headers
        assert browser.get("/v1/session").status_code == 401
        entries = [e for e in self.site.services.directory.audit(None) if e["action"] == "session.refused"]
        return str(entries[0]["after"])

    def forged(self, change: Callable[[Any], object], **more: Any) -> str:
        """The provider itself signs something else than what is right."""
        return self.refused(lambda xml: signed_anew(xml, change, self.idp.key, self.idp.certificate, **more))


def opened(folder: Path, more: str) -> Away:
    idp = SamlIdp(folder)
    (folder / "idp.xml").write_bytes(idp.metadata())
    services = open_site(folder, _PROVIDER.format(folder=folder) + more)
    site = Site(services, web_app(services, WITHOUT_LIMITS))
    client = TestClient(site.app, base_url=BASE)
    idp.knows(client.get("/v1/session/outside/idp/metadata").content)
    return Away(site, idp)


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Away]:
    """Whoever the provider lets in gets an account."""
    made = opened(tmp_path_factory.mktemp("saml"), _ANYONE)
    yield made
    made.site.services.close()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Away]:
    """People of the directory alone, known by the object id."""
    made = opened(tmp_path_factory.mktemp("people"), _PEOPLE)
    yield made
    made.site.services.close()


def at(response: Any, path: str) -> Any:
    found = response.find("/".join(f"{ASSERTION}{part}" for part in path.split("/")))
    assert found is not None, path
    return found


def setting(path: str, name: str, value: str | None) -> Callable[[Any], None]:
    def change(response: Any) -> None:
        element = at(response, path)
        if value is None:
            del element.attrib[name]
        else:
            element.set(name, value)

    return change


def test_somebody_comes_in_by_a_real_provider_and_is_the_same_the_next_time(away: Away):
    assert away.site.browser().get(BEGIN.removesuffix("/idp")).json()[-1]["title"] == "Contoso"
    first = away.site.browser()
    assert away.arrive(first, attributes={"uid": "bea"}, subject="bea-1").headers["location"] == "/account"
    told = first.get("/v1/session").json()
    assert (told["account"], told["stage"]) == ("bea", "full")  # holds no role, so nothing asks for a second factor
    second = away.site.browser()
    away.arrive(second, attributes={"uid": "renamed"}, subject="bea-1")
    assert second.get("/v1/session").json()["account"] == "bea", "known by the subject, not by what they are called"


@pytest.mark.parametrize("signed", [{"sign_response": True}, {"sign_response": True, "sign_assertion": False}])
def test_the_response_may_be_what_is_signed(away: Away, signed: dict[str, bool]):
    browser = away.site.browser()
    away.arrive(browser, attributes={"uid": f"cy{len(signed)}"}, subject=f"cy-{len(signed)}", **signed)
    assert browser.get("/v1/session").status_code == 200


def test_a_second_factor_counts_where_the_provider_says_that_it_saw_one(away: Away):
    browser = away.site.browser()
    away.arrive(browser, attributes={"uid": "dee"}, subject="dee-1", context=MFA)
    assert browser.get("/v1/session").json()["second_factor_at"] is not None


def test_a_person_is_known_by_the_object_id_of_the_source(people: Away):
    guid = uuid.UUID("0e984725-c51c-4bf4-9960-e1c80e27aba0")
    people.site.person("erin@contoso.example")
    known_as(people.site, "erin@contoso.example", str(guid))
    # AD FS sends the bytes, others the text.
    for number, sent in enumerate((str(guid), base64.b64encode(guid.bytes_le).decode())):
        browser = people.site.browser()
        people.arrive(browser, attributes={"objectGUID": sent}, subject="erin-1")
        assert browser.get("/v1/session").json()["person"] == "erin@contoso.example", number
    stranger = people.site.browser()
    answer = people.arrive(stranger, attributes={"objectGUID": "another"}, subject="zed-1")
    assert "nobody of the directory" in people.why(stranger, answer)


DATA = "Assertion/Subject/SubjectConfirmation/SubjectConfirmationData"
PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("path", "name", "value", "why"),
    [
        (DATA, "Recipient", "https://evil.example", "recipient"),
        (DATA, "Recipient", None, "recipient"),
        (DATA, "InResponseTo", "_other", "another request"),
        (DATA, "InResponseTo", None, "another request"),
        (DATA, "NotOnOrAfter", PAST, "expired"),
        (DATA, "NotOnOrAfter", None, "no end"),
        (DATA, "NotOnOrAfter", "soon", "no time"),
        ("Assertion/Subject/SubjectConfirmation", "Method", "urn:x:holder-of-key", "not by bearer"),
        ("Assertion/Conditions", "NotOnOrAfter", PAST, "expired"),
        ("Assertion/Conditions", "NotBefore", FUTURE, "not valid yet"),
        ("Assertion/AuthnStatement", "SessionNotOnOrAfter", PAST, "over"),
        ("Assertion/AuthnStatement", "AuthnInstant", FUTURE, "time of the proof"),
        ("Assertion", "IssueInstant", PAST, "too old"),
        ("Assertion", "Version", "1.1", "SAML 2.0"),
        ("Assertion/Subject/NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "persistent"),
        ("Assertion/Subject/NameID", "Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "persistent"),
    ],
)  # fmt: skip
def test_an_assertion_that_is_not_for_us_now_is_refused(away: Away, path: str, name: str, value: str | None, why: str):
    assert why in away.forged(setting(path, name, value))


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("Assertion/Conditions/AudienceRestriction/Audience", "https://other.example", "audience"),
        ("Assertion/Issuer", "https://evil.example", "issuer"),
        ("Assertion/Subject/NameID", "", "subject"),
    ],
)
def test_what_stands_in_it_has_to_be_right(away: Away, path: str, text: str, why: str):
    def change(response: Any) -> None:
        at(response, path).text = text

    assert why in away.forged(change)


@pytest.mark.parametrize("gone", ["Conditions/AudienceRestriction", "Conditions", "AuthnStatement", "Subject"])
def test_what_is_missing_is_missed(away: Away, gone: str):
    def change(response: Any) -> None:
        element = at(response, f"Assertion/{gone}")
        element.getparent().remove(element)

    assert away.forged(change)


def test_signed_anew_and_unchanged_it_is_taken(away: Away):
    """The control: what the tests above forge fails for what they change."""
    browser = away.site.browser()
    xml, relay_state = away.idp.response(away.begin(browser), subject="ann-9", attributes={"uid": "ann9"})
    made = signed_anew(xml, lambda response: None, away.idp.key, away.idp.certificate)
    assert away.back(browser, made, relay_state).headers["location"] == "/account"
    assert browser.get("/v1/session").json()["account"] == "ann9"


def test_another_key_signs_nothing(away: Away, tmp_path: Path):
    key, certificate = key_pair(tmp_path, "other")
    assert "none of the provider's keys" in away.refused(lambda xml: signed_anew(xml, lambda r: None, key, certificate))


def test_sha1_signs_nothing(away: Away):
    assert "none of the provider's keys" in away.forged(lambda response: None, algorithm="sha1")


def test_unsigned_it_is_refused(away: Away):
    def unsigned(xml: bytes) -> bytes:
        response = etree.fromstring(xml)
        for signature in list(response.iter("{http://www.w3.org/2000/09/xmldsig#}Signature")):
            signature.getparent().remove(signature)
        return bytes(etree.tostring(response))

    assert "neither response nor assertion is signed" in away.refused(unsigned)


def test_changed_after_signing_it_is_refused(away: Away):
    assert "none of the provider's keys" in away.refused(lambda xml: xml.replace(b">anna-1<", b">evil-1<"))


@pytest.mark.parametrize("number", range(8))
def test_wrapped_it_is_refused(away: Away, number: int):
    def lie(xml: bytes) -> bytes:
        made = list(wrapped(xml).values())
        assert len(made) == 8
        return made[number]

    assert away.refused(lie)


def test_a_comment_that_cuts_a_name_short_is_refused(away: Away):
    """The signature is good: comments are not part of what is signed."""

    def lie(xml: bytes) -> bytes:
        return xml.replace(b">anna-1<", b">anna<!-- -->-1<")

    assert "comments" in away.refused(lie)


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (lambda xml: b'<!DOCTYPE x [<!ENTITY e "x">]>' + xml.partition(b"?>")[2], "DTD"),
        (lambda xml: b'<!DOCTYPE x SYSTEM "https://evil.example/x.dtd">' + xml.partition(b"?>")[2], "DTD"),
        (lambda xml: xml + b"<x>", "no well-formed XML"),
        (lambda xml: b"<a>" * 300, "no well-formed XML"),
        (lambda xml: b"\xff\xfe", "no well-formed XML"),
        (lambda xml: b"", "no well-formed XML"),
        (lambda xml: b"<a>" + b"x" * 300_000 + b"</a>", "larger"),
        (lambda xml: b"<Response/>", "no SAML response"),
        (lambda xml: xml.replace(b"status:Success", b"status:Requester"), "did not let them in"),
        (lambda xml: xml.replace(b":Assertion", b":EncryptedAssertion"), "encrypted"),
    ],
)  # fmt: skip
def test_what_is_no_response_is_refused(away: Away, lie: Callable[[bytes], bytes], why: str):
    assert why in away.refused(lie)


def test_an_answer_is_good_once_and_in_the_browser_that_asked(away: Away):
    browser, thief = away.site.browser(), away.site.browser()
    xml, relay_state = away.idp.response(away.begin(browser), subject="flo-1", attributes={"uid": "flo"})
    assert "no sign-in of this browser" in away.why(thief, away.back(thief, xml, relay_state))
    away.begin(thief)
    assert "no sign-in of this browser" in away.why(thief, away.back(thief, xml, relay_state))
    assert away.back(browser, xml, relay_state).headers["location"] == "/account"
    again = away.site.browser()
    again.client.cookies.update(browser.client.cookies)
    replayed = away.back(again, xml, relay_state)
    assert replayed.headers["location"] == "/account?outside=refused"
    # Another sign-in's answer does not fit, though the browser is the same.
    other = away.site.browser()
    first = away.idp.response(away.begin(other), subject="flo-1")
    _, state = away.idp.response(away.begin(other), subject="flo-1")
    assert "another" in away.why(other, away.back(other, first[0], state))


def test_a_form_with_too_much_in_it_is_refused(away: Away):
    browser = away.site.browser()
    fields = {f"field{number}": "x" for number in range(40)}
    xml, relay_state = away.idp.response(away.begin(browser))
    assert away.why(browser, browser.client.post(ACS, data=fields | form(xml, relay_state), follow_redirects=False))


def test_who_is_signed_in_links_the_provider_once_they_have_proved_anew_who_they_are(away: Away):
    away.site.account("ida", "auditor")
    browser = away.site.browser(address="198.51.100.7")  # the other one's wrong attempts have made a pause
    browser.sign_in("ida")
    browser.enrol()
    address = away.begin(browser, link=True)
    assert away.idp.asked(address)[0].force_authn == "true"
    xml, relay_state = away.idp.response(address, subject="ida-1")
    old = setting("Assertion/AuthnStatement", "AuthnInstant", PAST)
    xml = signed_anew(xml, old, away.idp.key, away.idp.certificate)
    assert away.back(browser, xml, relay_state).headers["location"] == "/account?outside=refused"
    assert browser.get("/v1/session/links").json() == []
    again = away.idp.response(away.begin(browser, link=True), subject="ida-1")
    assert away.back(browser, *again).headers["location"] == "/account"
    (link,) = browser.get("/v1/session/links").json()
    assert (link["authority"], link["subject"]) == (ENTITY, "ida-1")
    other = away.site.browser()
    away.arrive(other, subject="ida-1")
    assert other.get("/v1/session").json()["account"] == "ida"


def test_nobody_comes_in_unasked(away: Away):
    browser = away.site.browser()
    xml, _ = away.idp.response(away.begin(away.site.browser()), subject="flo-1")
    assert away.why(browser, away.back(browser, xml, ""))


def test_our_metadata_and_signed_requests_are_understood(tmp_path: Path):
    key, certificate = key_pair(tmp_path, "sp")
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    both.chmod(0o600)
    made = opened(tmp_path, _ANYONE + f'request_key_file = "{both}"\n')
    browser = made.site.browser()
    address = made.begin(browser)
    assert "Signature=" in address
    message, _ = made.idp.asked(address)
    assert message.issuer.text == f"{BASE}/v1/session/outside/idp/metadata"
    assert made.arrive(browser, attributes={"uid": "gil"}, subject="gil-1").headers["location"] == "/account"
    made.site.services.close()


def test_a_fault_of_the_metadata_is_the_providers_alone(tmp_path: Path):
    """The site starts, others sign in, and the page says that this way does not work now."""
    services = open_site(tmp_path, _PROVIDER.format(folder=tmp_path / "missing") + _ANYONE)
    site = Site(services, web_app(services))
    assert site.browser().post(BEGIN, json={}).status_code == 503
    assert site.browser().get("/v1/session/outside/idp/metadata").status_code == 503
    site.account("hal", "auditor")
    assert site.browser().sign_in("hal").status_code == 201
    services.close()
