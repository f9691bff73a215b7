"""What a SAML response may be made of, without a site around it: nothing lets in somebody else, nothing stumbles."""

from __future__ import annotations

import base64
import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from isthmus.errors import UnauthenticatedError, UsageError
from isthmus.federation.model import Outside, Saml, Waiting
from isthmus.federation.saml import SamlProvider, provider_of
from isthmus.site.file import IdentityProvider
from tests.federation.saml_provider import ASSERTION, DS, ENTITY, SamlIdp, key_pair, signed_anew

US = "https://premises.contoso.example:8443/v1/session/outside/idp"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"


@dataclass
class Asked:
    """A sign-in that waits for the provider's answer."""

    idp: SamlIdp
    settings: Saml
    waiting: Waiting

    def answer(self, **more: Any) -> bytes:
        address = SamlProvider(lambda: self.settings).address("state", self.waiting)
        return self.idp.response(address, **more)[0]

    def read(self, xml: bytes, **settings: Any) -> Outside:
        wanted = replace(self.settings, **settings)
        return SamlProvider(lambda: wanted).outside(self.waiting, {"SAMLResponse": base64.b64encode(xml).decode()})

    def forged(self, change: Callable[[Any], object]) -> bytes:
        return signed_anew(self.answer(), change, self.idp.key, self.idp.certificate)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    idp = SamlIdp(tmp_path_factory.mktemp("idp"))
    settings = Saml(*provider_of(idp.metadata()), sp_entity_id=f"{US}/metadata", acs=f"{US}/acs")
    idp.knows(SamlProvider(lambda: settings).metadata())
    return Asked(idp, settings, Waiting("idp", "a-nonce", "", "", "", "/account", fresh=False))


@pytest.fixture(scope="module")
def honest(asked: Asked) -> bytes:
    return asked.answer()


def changed(xml: bytes, change: Callable[[Any], object]) -> bytes:
    root = etree.fromstring(xml)
    change(root)
    return bytes(etree.tostring(root))


def emptied(name: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        root.find(f".//{name}").text = None

    return change


def removed(name: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        element = root.find(f".//{name}")
        element.getparent().remove(element)

    return change


@pytest.mark.parametrize(
    "name", ["DigestValue", "SignatureValue", "CanonicalizationMethod", "Transforms", "SignedInfo"]
)
@pytest.mark.parametrize("broken", [emptied, removed])
def test_a_signature_that_is_not_whole_is_a_refusal(asked: Asked, honest: bytes, name: str, broken: Any):
    xml = changed(honest, broken(f"{DS}{name}"))
    if broken is emptied and name in ("CanonicalizationMethod", "Transforms", "SignedInfo"):
        xml = changed(honest, lambda root: root.find(f".//{DS}{name}").clear())
    with pytest.raises(UnauthenticatedError, match="none of the provider's keys"):
        asked.read(xml)


_TEXTS = ("", "x", "====", "é", "-1", "9" * 50)
_VALUES = (
    "", "#", "#x", "9999-99-99", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "xpointer(/)",
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1", "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
)  # fmt: skip


def _disturb(element: Any, everything: list[Any], chance: random.Random) -> None:
    """One change of the tree at this element."""
    parent, what = element.getparent(), chance.randrange(7)
    if what == 0 and parent is not None:
        parent.remove(element)
    elif what == 1:
        element.text = chance.choice(_TEXTS)
    elif what == 2 and element.attrib:
        del element.attrib[chance.choice(list(element.attrib))]
    elif what == 3 and element.attrib:
        element.set(chance.choice(list(element.attrib)), chance.choice(_VALUES))
    elif what == 4 and parent is not None:
        element.addnext(copy.deepcopy(element))
    elif what == 5:
        element.tag = chance.choice(("x", f"{DS}Object", f"{DS}KeyValue", f"{ASSERTION}NameID"))
    elif what == 6 and parent is not None:
        other = chance.choice(everything)
        if element not in (other, *other.iterancestors()):
            other.append(element)


@pytest.mark.parametrize("seed", range(4))
def test_however_it_is_disturbed_it_is_refused_or_says_the_same(asked: Asked, honest: bytes, seed: int):
    chance, taken = random.Random(seed), 0
    for _ in range(150):
        root = etree.fromstring(honest)
        everything = list(root.iter())
        for _ in range(chance.randint(1, 3)):
            _disturb(chance.choice(everything), everything, chance)
        try:
            assert asked.read(bytes(etree.tostring(root))).subject == "anna-1"
            taken += 1
        except UnauthenticatedError:
            continue
    assert 0 < taken < 75, "what is outside the signed element may change, and little else"


def test_each_signature_that_is_there_has_to_be_good(asked: Asked):
    both = asked.answer(sign_response=True)
    assert asked.read(both).subject == "anna-1"
    broken = changed(both, lambda root: root.set("ID", "another"))
    with pytest.raises(UnauthenticatedError, match="none of the provider's keys"):
        asked.read(broken)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Destination", "https://evil.example/acs", "another Destination"),
        ("InResponseTo", "_another", "another InResponseTo"),
        ("IssueInstant", "2001-01-01T00:00:00Z", "too old"),
        ("Version", "1.1", "SAML 2.0"),
    ],
)
def test_the_envelope_has_to_fit_though_it_is_not_signed(asked: Asked, honest: bytes, name: str, value: str, why: str):
    with pytest.raises(UnauthenticatedError, match=why):
        asked.read(changed(honest, lambda root: root.set(name, value)))


def test_a_signed_response_has_to_say_where_it_goes(asked: Asked):
    signed = asked.answer(sign_response=True, sign_assertion=False)
    with pytest.raises(UnauthenticatedError, match="no Destination"):
        asked.read(changed(signed, lambda root: root.attrib.pop("Destination")))


@pytest.mark.parametrize("qualifier", ["NameQualifier", "SPNameQualifier"])
def test_the_same_name_under_another_qualifier_is_somebody_else(asked: Asked, qualifier: str):
    def set_to(value: str) -> Callable[[Any], None]:
        return lambda root: root.find(f".//{ASSERTION}NameID").set(qualifier, value)

    own = asked.settings.entity_id if qualifier == "NameQualifier" else asked.settings.sp_entity_id
    assert asked.read(asked.forged(set_to(own))).subject == "anna-1"
    with pytest.raises(UnauthenticatedError, match=qualifier):
        asked.read(asked.forged(set_to("https://other.example")))


@pytest.mark.parametrize("path", ["Subject", "Conditions", "Conditions/AudienceRestriction", "AuthnStatement"])
def test_an_element_of_another_namespace_is_none_of_saml(asked: Asked, path: str):
    def renamed(root: Any) -> None:
        element = root.find("/".join(f"{ASSERTION}{part}" for part in ("Assertion", *path.split("/"))))
        element.tag = f"{{https://other.example}}{path.rpartition('/')[2]}"

    with pytest.raises(UnauthenticatedError):
        asked.read(asked.forged(renamed))


def test_an_attribute_of_another_namespace_is_none_of_saml(asked: Asked):
    def moved(root: Any) -> None:
        data = root.find(f".//{ASSERTION}SubjectConfirmationData")
        data.set("{https://other.example}Recipient", data.attrib.pop("Recipient"))

    with pytest.raises(UnauthenticatedError, match="another recipient"):
        asked.read(asked.forged(moved))


def test_each_of_the_providers_certificates_may_have_signed(asked: Asked, tmp_path: Path):
    """While the provider goes over to a new key, its metadata has both; here the new one is on a curve."""
    key, certificate = key_pair(tmp_path, "next", elliptic=True)
    pem = b"".join(certificate.read_bytes().splitlines()[1:-1])
    metadata = asked.idp.metadata()
    begin = metadata.index(b"<", metadata.index(b"IDPSSODescriptor") + 1)
    head = b'<KeyDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" use="signing"><ds:KeyInfo xmlns:ds="%s">'
    more = head % DS[1:-1].encode() + b"<ds:X509Data><ds:X509Certificate>" + pem
    more += b"</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"
    certificates = provider_of(metadata[:begin] + more + metadata[begin:])[2]
    assert len(certificates) == 2
    new = signed_anew(asked.answer(), lambda root: None, key, certificate, "ecdsa")
    for xml in (asked.answer(), new):
        assert asked.read(xml, certificates=certificates).subject == "anna-1"
    with pytest.raises(UnauthenticatedError, match="none of the provider's keys"):
        asked.read(new)


def test_metadata_may_have_comments(asked: Asked):
    text = asked.idp.metadata().replace(b"X509Certificate>", b"X509Certificate><!-- renew me -->", 1)
    assert provider_of(text + b"<!-- made by hand -->")[2] == asked.settings.certificates


def test_a_refusal_of_the_provider_says_why(asked: Asked, honest: bytes):
    def refusal(root: Any) -> None:
        root.remove(root.find(f"{ASSERTION}Assertion"))
        code = root.find(f"{PROTOCOL}Status/{PROTOCOL}StatusCode")
        code.set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
        etree.SubElement(code, code.tag, {"Value": "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"})

    with pytest.raises(UnauthenticatedError, match=r"did not let them in \(Responder, NoAuthnContext\)"):
        asked.read(changed(honest, refusal))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("https://idp.contoso.example/sso", "http://idp.contoso.example/sso"), "https://"),
        (lambda text: text.replace("IDPSSODescriptor", "SPSSODescriptor"), "0 identity providers"),
        (lambda text: "<x/>", "0 identity providers"),
        (lambda text: "no xml", "well-formed"),
        (lambda text: text.replace("X509Certificate>", "X509Other>"), "no certificate"),
        (lambda text: text.replace("X509Certificate>M", "X509Certificate>!"), "can't be read"),
    ],
)
def test_metadata_that_can_t_be_used_says_why(asked: Asked, change: Callable[[str], str], why: str):
    honest = asked.idp.metadata().decode()
    assert provider_of(honest.encode())[0] == ENTITY
    with pytest.raises(UsageError, match=why):
        provider_of(change(honest).encode())


@pytest.mark.parametrize("claim", ["mail", "urn:oid:0.9.2342.19200300.100.1.3", "UPN"])
def test_nobody_is_known_by_what_may_be_given_to_somebody_else(claim: str):
    told = {"name": "idp", "kind": "saml", "metadata_file": "idp.xml", "accounts": "anyone"}
    assert IdentityProvider.model_validate({**told, "subject_claim": "entryUUID"}).subject_claim == "entryUUID"
    with pytest.raises(ValidationError, match="given to somebody else"):
        IdentityProvider.model_validate({**told, "subject_claim": claim})
