"""A SAML identity provider for tests: pysaml2's, which signs with xmlsec1; and one that says whatever a test wants."""

from __future__ import annotations

import base64
import copy
import datetime
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import SIG_RSA_SHA256
from saml2.xmldsig import DIGEST_SHA256

ENTITY = "https://idp.contoso.example/metadata"
SIGN_ON = "https://idp.contoso.example/sso"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
MFA = "https://refeds.org/profile/mfa"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def key_pair(folder: Path, name: str, elliptic: bool = False) -> tuple[Path, Path]:
    """Files with a key (RSA, or on the curve P-256) and its own certificate."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    private, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return private, certificate


class SamlIdp:
    """The provider: `knows` our metadata, and answers what a browser brings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.certificate = key_pair(folder, "idp")
        self._server: Server | None = None

    def _config(self, **more: Any) -> IdPConfig:
        service = {
            "endpoints": {"single_sign_on_service": [(SIGN_ON, BINDING_HTTP_REDIRECT)]},
            "name_id_format": [NAMEID_FORMAT_PERSISTENT],
        }
        told = {
            "entityid": ENTITY,
            "service": {"idp": service},
            "key_file": str(self.key),
            "cert_file": str(self.certificate),
            "xmlsec_binary": "/usr/bin/xmlsec1",
            **more,
        }
        return IdPConfig().load(told)

    def metadata(self) -> bytes:
        """The provider's, as its administrator would hand it over."""
        return str(entity_descriptor(self._config())).encode()

    def knows(self, metadata: bytes) -> None:
        """Take a service provider's metadata."""
        path = self.folder / "sp.xml"
        path.write_bytes(metadata)
        self._server = Server(config=self._config(metadata={"local": [str(path)]}))

    def asked(self, address: str) -> tuple[Any, str]:
        """The request that a browser is sent with, and its RelayState."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(SIGN_ON) and self._server is not None
        signed = {name.lower(): query[name] for name in ("SigAlg", "Signature") if name in query}
        parsed = self._server.parse_authn_request(
            query["SAMLRequest"],
            BINDING_HTTP_REDIRECT,
            relay_state=query["RelayState"],
            **({"sigalg": signed["sigalg"], "signature": signed["signature"]} if signed else {}),
        )
        return parsed.message, query["RelayState"]

    def response(
        self,
        address: str,
        subject: str = "anna-1",
        attributes: dict[str, str] | None = None,
        context: str = PASSWORD,
        sign_response: bool = False,
        sign_assertion: bool = True,
    ) -> tuple[bytes, str]:
        """An honest answer, as XML, and the RelayState."""
        message, relay_state = self.asked(address)
        assert self._server is not None
        made = self._server.create_authn_response(
            {name: [value] for name, value in (attributes or {}).items()},
            in_response_to=message.id,
            destination=message.assertion_consumer_service_url,
            sp_entity_id=message.issuer.text,
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=subject),
            authn={"class_ref": context},
            sign_response=sign_response,
            sign_assertion=sign_assertion,
            sign_alg=SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256,
            binding=BINDING_HTTP_POST,
        )
        return str(made).encode(), relay_state


def form(xml: bytes, relay_state: str) -> dict[str, str]:
    """What the provider's page lets the browser post."""
    return {"SAMLResponse": base64.b64encode(xml).decode(), "RelayState": relay_state}


def signed_anew(
    xml: bytes, change: Callable[[Any], object], key: Path, certificate: Path, algorithm: str = "sha256"
) -> bytes:
    """The response with its assertion changed, and signed after that: what a lying provider would send."""
    response = etree.fromstring(xml)
    signature = response.find(f"{ASSERTION}Assertion/{DS}Signature")
    for name in ("DigestValue", "SignatureValue"):
        signature.find(f".//{DS}{name}").text = None
    data = signature.find(f".//{DS}X509Data")
    for old in data:
        data.remove(old)
    etree.SubElement(data, f"{DS}X509Certificate")
    if algorithm == "ecdsa":
        method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
        signature.find(f".//{DS}SignatureMethod").set("Algorithm", method)
    if algorithm == "sha1":
        signature.find(f".//{DS}SignatureMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")
        signature.find(f".//{DS}DigestMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
    assertion = response.find(f"{ASSERTION}Assertion")
    change(response)
    signature.find(f".//{DS}Reference").set("URI", f"#{assertion.get('ID')}")
    done = subprocess.run(
        ["xmlsec1", "--sign", "--privkey-pem", f"{key},{certificate}", "--id-attr:ID", "Assertion", "/dev/stdin"],
        input=etree.tostring(response),
        capture_output=True,
        check=True,
    )
    return done.stdout


def wrapped(xml: bytes) -> dict[str, bytes]:
    """Signature wrapping, in the eight ways of Somorovsky et al. (On Breaking SAML, 2012): evil beside the signed."""

    def parts() -> tuple[Any, Any, Any]:
        root = etree.fromstring(xml)
        assertion = root.find(f"{ASSERTION}Assertion")
        evil = copy.deepcopy(assertion)
        evil.set("ID", "evil")
        evil.find(f"{ASSERTION}Subject/{ASSERTION}NameID").text = "the-administrator"
        for signature in evil.findall(f"{DS}Signature"):
            evil.remove(signature)
        return root, assertion, evil

    made: dict[str, bytes] = {}

    def keep(name: str, root: Any) -> None:
        made[name] = etree.tostring(root)

    root, assertion, evil = parts()
    outer = copy.deepcopy(root)
    outer.remove(outer.find(f"{ASSERTION}Assertion"))
    outer.set("ID", "outer")
    outer.append(evil)
    evil.append(root)
    keep("1: the response within an evil one's assertion", outer)
    root, assertion, evil = parts()
    outer = copy.deepcopy(root)
    outer.remove(outer.find(f"{ASSERTION}Assertion"))
    outer.set("ID", "outer")
    outer.append(root)
    outer.append(evil)
    keep("2: the response beside an evil assertion", outer)
    root, assertion, evil = parts()
    assertion.addprevious(evil)
    keep("3: evil before the signed", root)
    root, assertion, evil = parts()
    root.replace(assertion, evil)
    evil.append(assertion)
    keep("4: the signed within the evil", root)
    root, assertion, evil = parts()
    signature = assertion.find(f"{DS}Signature")
    evil.insert(1, signature)
    assertion.addprevious(evil)
    keep("5: the signature in the evil, the signed behind", root)
    root, assertion, evil = parts()
    signature = assertion.find(f"{DS}Signature")
    root.replace(assertion, evil)
    evil.insert(1, signature)
    signature.append(assertion)
    keep("6: the signed within the signature of the evil", root)
    root, assertion, evil = parts()
    extensions = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
    extensions.append(evil)
    root.insert(1, extensions)
    keep("7: evil in the extensions", root)
    root, assertion, evil = parts()
    signature = assertion.find(f"{DS}Signature")
    root.replace(assertion, evil)
    evil.insert(1, signature)
    thing = etree.SubElement(signature, f"{DS}Object")
    thing.append(assertion)
    keep("8: the signed in an object of the signature", root)
    return made
