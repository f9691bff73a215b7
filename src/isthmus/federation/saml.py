"""A SAML 2.0 provider outside: its metadata, our requests by redirect, its responses by POST (web browser SSO).

Signatures are signxml's. What is read is what was signed: the element that the verification gives back, and nothing
beside it. A document is refused before that when it has anything in it that a response never needs: a DTD, comments,
a second assertion, an id that stands twice, a signature elsewhere than in the two places for one.
"""

from __future__ import annotations

import base64
import binascii
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from isthmus.errors import UnauthenticatedError, UsageError
from isthmus.federation import saml_rules as rules
from isthmus.federation.model import Outside, Saml, Waiting
from isthmus.federation.saml_rules import ASSERTION, PERSISTENT, PROTOCOL, Node

_METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
_SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_ASSERTION = f"{{{ASSERTION}}}Assertion"
_MOST_BYTES = 256 * 1024
_MOST_METADATA = 4 * 1024 * 1024
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512,
    }
)  # fmt: skip
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})


class SamlProvider:
    """One provider. settings: asked for at each use, so that new certificates in its metadata need no restart."""

    def __init__(self, settings: Callable[[], Saml], clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock

    def address(self, state: str, waiting: Waiting) -> str:
        """Where the browser goes (Bindings 3.4). Raises UsageError for metadata that can't be used."""
        settings = self._settings()
        packed = base64.b64encode(_deflated(_request(settings, waiting, self._clock()))).decode()
        query = f"SAMLRequest={quote_plus(packed)}&RelayState={quote_plus(state)}"
        if settings.key is not None:
            query += f"&SigAlg={quote_plus(_RSA_SHA256)}"
            query += f"&Signature={quote_plus(base64.b64encode(_signed(query, settings.key)).decode())}"
        return f"{settings.sign_on}{'&' if urlsplit(settings.sign_on).query else '?'}{query}"

    def outside(self, waiting: Waiting, answer: Mapping[str, str]) -> Outside:
        """Who it is, by what the browser brought back. Raises UnauthenticatedError."""
        settings, now = self._settings(), self._clock()
        try:
            raw = base64.b64decode("".join(answer.get("SAMLResponse", "").split()), validate=True)
        except (binascii.Error, ValueError):
            raise UnauthenticatedError("the response is no Base64") from None
        response = _parsed(raw, _MOST_BYTES)
        _check_plain(response)
        if response.tag != f"{{{PROTOCOL}}}Response":
            raise UnauthenticatedError("the document is no SAML response")
        # First of all, since a refusal has no assertion, and mostly no signature: the audit log is to say why.
        rules.check_response(_node(response), settings, waiting, now)
        _check_shape(response)
        assertion = _verified(response, settings.certificates)
        return rules.outside(_node(assertion), settings, waiting, now)

    def metadata(self) -> bytes:
        """Ours, for the provider's administrator (Metadata 2.4.4)."""
        settings = self._settings()
        root = etree.Element(f"{{{_METADATA}}}EntityDescriptor", {"entityID": settings.sp_entity_id}, {None: _METADATA})
        described = etree.SubElement(
            root,
            f"{{{_METADATA}}}SPSSODescriptor",
            {
                "AuthnRequestsSigned": "true" if settings.key else "false",
                "WantAssertionsSigned": "true",
                "protocolSupportEnumeration": PROTOCOL,
            },
        )
        if settings.key is not None:
            der = x509.load_pem_x509_certificate(settings.key).public_bytes(serialization.Encoding.DER)
            key = etree.SubElement(described, f"{{{_METADATA}}}KeyDescriptor", {"use": "signing"})
            info = etree.SubElement(key, f"{{{_SIGNATURE}}}KeyInfo")
            data = etree.SubElement(info, f"{{{_SIGNATURE}}}X509Data")
            etree.SubElement(data, f"{{{_SIGNATURE}}}X509Certificate").text = base64.b64encode(der).decode()
        etree.SubElement(described, f"{{{_METADATA}}}NameIDFormat").text = PERSISTENT
        etree.SubElement(
            described,
            f"{{{_METADATA}}}AssertionConsumerService",
            {"Binding": _POST, "Location": settings.acs, "index": "0", "isDefault": "true"},
        )
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def provider_of(metadata: bytes) -> tuple[str, str, tuple[bytes, ...]]:
    """Entity id, sign-on address and signing certificates (DER) that a provider's metadata tells. Raises UsageError."""
    try:
        # Comments are usual in metadata (Shibboleth's own has many), and it comes from who runs the site.
        root = _parsed(metadata, _MOST_METADATA, remove_comments=True, remove_pis=True)
    except UnauthenticatedError as error:
        raise UsageError(f"the provider's metadata: {error.what}") from error
    names = {"md": _METADATA, "ds": _SIGNATURE}
    found = root.xpath("descendant-or-self::md:EntityDescriptor[md:IDPSSODescriptor]", namespaces=names)
    if len(found) != 1:
        raise UsageError(f"the metadata is of {len(found)} identity providers, not of one")
    role = found[0].find(f"{{{_METADATA}}}IDPSSODescriptor")
    places = role.xpath(f"md:SingleSignOnService[@Binding='{_REDIRECT}']/@Location", namespaces=names)
    keys = role.xpath("md:KeyDescriptor[not(@use) or @use='signing']//ds:X509Certificate/text()", namespaces=names)
    if not places or not str(places[0]).startswith("https://"):
        raise UsageError("the metadata names no https:// address for sign-on by HTTP-Redirect")
    if not keys:
        raise UsageError("the metadata has no certificate for signatures")
    try:
        certificates = tuple(base64.b64decode("".join(str(key).split()), validate=True) for key in keys)
        for each in certificates:
            x509.load_der_x509_certificate(each)
    except ValueError as error:
        raise UsageError("a certificate in the metadata can't be read") from error
    return str(found[0].get("entityID", "")), str(places[0]), certificates


def _request(settings: Saml, waiting: Waiting, now: float) -> bytes:
    """An AuthnRequest (Core 3.4.1)."""
    root = etree.Element(
        f"{{{PROTOCOL}}}AuthnRequest",
        {
            "ID": rules.request_id(waiting),
            "Version": "2.0",
            "IssueInstant": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Destination": settings.sign_on,
            "AssertionConsumerServiceURL": settings.acs,
            "ProtocolBinding": _POST,
            **({"ForceAuthn": "true"} if waiting.fresh else {}),
        },
        {"samlp": PROTOCOL, "saml": ASSERTION},
    )
    etree.SubElement(root, f"{{{ASSERTION}}}Issuer").text = settings.sp_entity_id
    if not settings.subject_attribute:
        etree.SubElement(root, f"{{{PROTOCOL}}}NameIDPolicy", {"Format": PERSISTENT, "AllowCreate": "true"})
    if settings.acr:
        wanted = etree.SubElement(root, f"{{{PROTOCOL}}}RequestedAuthnContext", {"Comparison": "exact"})
        for each in settings.acr:
            etree.SubElement(wanted, f"{{{ASSERTION}}}AuthnContextClassRef").text = each
    return bytes(etree.tostring(root))


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _signed(query: str, pem: bytes) -> bytes:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UsageError("the key that signs SAML requests has to be an RSA key")
    return key.sign(query.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())


def _parsed(raw: bytes, most: int, **more: bool) -> Any:
    """The document's root. Raises UnauthenticatedError. No DTD, no entities, nothing from elsewhere."""
    if len(raw) > most:
        raise UnauthenticatedError(f"the document is larger than {most} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        collect_ids=False, **more,
    )  # fmt: skip
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise UnauthenticatedError("the document is no well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None or root.getroottree().docinfo.doctype:
        raise UnauthenticatedError("the document has a DTD")
    return root


def _check_plain(root: Any) -> None:
    """Nothing but elements: a comment within a NameID cuts it short for those who read its first text alone, and is
    not part of what is signed. Raises UnauthenticatedError."""
    if any(not isinstance(each.tag, str) for each in root.iter()) or root.getprevious() is not None:
        raise UnauthenticatedError("the document has comments, instructions or entities in it")


def _check_shape(response: Any) -> None:
    """One response with one assertion, and signatures only where they belong. Raises UnauthenticatedError."""
    elements = list(response.iter())
    if any(etree.QName(each).localname == "EncryptedAssertion" for each in elements):
        raise UnauthenticatedError("the assertion is encrypted: let the provider sign it only, TLS carries it")
    assertions = [each for each in elements if etree.QName(each).localname == "Assertion"]
    if [each.tag for each in assertions] != [_ASSERTION] or assertions[0].getparent() is not response:
        raise UnauthenticatedError(f"{len(assertions)} assertions, or one elsewhere than in the response")
    named = ((etree.QName(name).localname, value) for each in elements for name, value in each.attrib.items())
    ids = [value for name, value in named if name.lower() == "id"]
    if len(set(ids)) != len(ids):
        raise UnauthenticatedError("an id stands twice")
    if sum(etree.QName(each).localname == "Response" for each in elements) != 1:
        raise UnauthenticatedError("a response within the response")
    for each in elements:
        if etree.QName(each).localname == "Signature" and each.getparent() not in (response, assertions[0]):
            raise UnauthenticatedError("a signature elsewhere than in response and assertion")


def _verified(response: Any, certificates: tuple[bytes, ...]) -> Any:
    """The assertion as one of the keys has signed it, alone or with the response. Raises UnauthenticatedError.

    One signature is enough, but each that is there has to be good.
    """
    assertion, read = response.find(_ASSERTION), None
    for signed, location in ((assertion, f"./{{{ASSERTION}}}Assertion/"), (response, "./")):
        signatures = signed.findall(f"{{{_SIGNATURE}}}Signature")
        if len(signatures) > 1:
            raise UnauthenticatedError("two signatures of one element")
        if not signatures:
            continue
        found = _signed_element(response, location, certificates)
        if found.tag != signed.tag or found.get("ID") != signed.get("ID"):
            raise UnauthenticatedError("the signature is of another element than the one it stands in")
        inner = [found] if signed is assertion else found.findall(_ASSERTION)
        if len(inner) != 1:
            raise UnauthenticatedError("the signed response is without its assertion")
        read = inner[0] if read is None else read
    if read is None:
        raise UnauthenticatedError("neither response nor assertion is signed")
    return read


def _signed_element(response: Any, location: str, certificates: tuple[bytes, ...]) -> Any:
    configuration = SignatureConfiguration(
        location=location, expect_references=1, signature_methods=_METHODS, digest_algorithms=_DIGESTS
    )
    faults: list[str] = []
    for der in certificates:
        try:
            result: Any = XMLVerifier().verify(
                response,
                x509_cert=x509.load_der_x509_certificate(der),
                id_attribute="ID",
                expect_config=configuration,
            )
        except Exception as error:
            # Not the library's own errors alone: over a signature that is not whole it stumbles in many ways.
            faults.append(str(error)[:120])
            continue
        if result.signed_xml is not None:
            return result.signed_xml
    raise UnauthenticatedError(f"the signature is by none of the provider's keys ({'; '.join(faults[:2])})")


def _node(element: Any) -> Node:
    name = etree.QName(element)
    # What is of another namespace keeps it in its name, and so is never taken for one of SAML's own.
    local = name.localname if name.namespace in (ASSERTION, PROTOCOL) else str(element.tag)
    attributes = {str(key): str(value) for key, value in element.attrib.items()}
    return Node(local, attributes, element.text or "", tuple(_node(each) for each in element))
