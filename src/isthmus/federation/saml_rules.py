"""What is believed of a SAML assertion whose signature is verified (SAML 2.0 Core and Profiles 4.1.4.2, 4.1.4.3). Pure.

An assertion is read as a tree of `Node`, so that nothing here depends on an XML library.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from isthmus.errors import UnauthenticatedError
from isthmus.federation.model import Outside, Saml, Waiting

ASSERTION, PROTOCOL = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_SHOWN = ("urn:oid:2.16.840.1.113730.3.1.241", "displayName")  # by OID as LDAP has it (X.500 attribute profile)
_SKEW_S = 60.0
_OLDEST_S = 600.0  # as long as a sign-in may be at its provider
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Node:
    """An element: its name, attributes, text, and the elements in it. Names outside SAML's own two namespaces are
    written with theirs: {namespace}name."""

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple[Node, ...]

    def all(self, name: str) -> Iterator[Node]:
        """The elements of that name directly in it."""
        return (each for each in self.children if each.name == name)

    def one(self, name: str) -> Node:
        """The only one of that name. Raises UnauthenticatedError."""
        found = list(self.all(name))
        if len(found) != 1:
            raise _wrong(f"{len(found)} elements {name} in {self.name}")
        return found[0]


def request_id(waiting: Waiting) -> str:
    """The id of the request that a sign-in sent; an XML name begins with no digit."""
    return f"_{waiting.nonce}"


def check_response(response: Node, provider: Saml, waiting: Waiting, now: float) -> None:
    """The envelope. What is decided by stands in the signed assertion; this only has to fit it. Raises
    UnauthenticatedError."""
    _version(response)
    if list(response.all(SIGNATURE)) and "Destination" not in response.attributes:
        raise _wrong("no Destination in a signed response")  # Bindings 3.5.5.2
    for name, wanted in (("Destination", provider.acs), ("InResponseTo", request_id(waiting))):
        if response.attributes.get(name, wanted) != wanted:
            raise _wrong(f"another {name} in the response")
    if issuers := list(response.all("Issuer")):
        _issuer(issuers[0], provider)
    _recent(response, now)
    code = response.one("Status").one("StatusCode")
    if code.attributes.get("Value") != SUCCESS:
        told = [each.attributes.get("Value", "").rpartition(":")[2][:60] for each in (code, *code.all("StatusCode"))]
        raise UnauthenticatedError(f"the provider did not let them in ({', '.join(told[:2])})")


def outside(assertion: Node, provider: Saml, waiting: Waiting, now: float) -> Outside:
    """Who it is. Raises UnauthenticatedError saying what is not as it has to be."""
    _version(assertion)
    _issuer(assertion.one("Issuer"), provider)
    _recent(assertion, now)
    _conditions(assertion.one("Conditions"), provider, now)
    subject = assertion.one("Subject")
    _confirmed(subject, provider, waiting, now)
    authenticated, contexts = _statement(assertion.one("AuthnStatement"), now)
    if waiting.fresh and now - authenticated > 2 * _SKEW_S:
        raise _wrong("an old proof of who it is, though a new one was asked for")
    two = bool(contexts & set(provider.acr))
    return Outside(
        authority=provider.entity_id,
        subject=_subject(subject, assertion, provider),
        entry=_entry(_attribute(assertion, provider.entry_attribute)),
        login=_attribute(assertion, provider.login_attribute),
        display_name=next(filter(None, (_attribute(assertion, name) for name in _SHOWN)), ""),
        proved_at=authenticated if two else None,
    )


def _version(node: Node) -> None:
    if node.attributes.get("Version") != "2.0" or not node.attributes.get("ID"):
        raise _wrong(f"{node.name} is not of SAML 2.0")


def _issuer(issuer: Node, provider: Saml) -> None:
    if issuer.text.strip() != provider.entity_id:
        raise _wrong("another issuer")


def _recent(node: Node, now: float) -> None:
    made = _time(node, "IssueInstant")
    if made is None or not now - _OLDEST_S - _SKEW_S <= made <= now + _SKEW_S:
        raise _wrong(f"{node.name} is too old, or of a time to come")


def _conditions(conditions: Node, provider: Saml, now: float) -> None:
    _in_time(conditions, now)
    audiences = [{each.text.strip() for each in restriction.all("Audience")}
                 for restriction in conditions.all("AudienceRestriction")]  # fmt: skip
    # Every restriction has to name us (Core 2.5.1.4), and without one nobody is named.
    if not audiences or not all(provider.sp_entity_id in each for each in audiences):
        raise _wrong("another audience")
    known = {"AudienceRestriction", "OneTimeUse", "ProxyRestriction"}
    if strange := [each.name for each in conditions.children if each.name not in known]:
        raise _wrong(f"an unknown condition ({strange[0][:60]})")  # Core 2.5.1.1


def _confirmed(subject: Node, provider: Saml, waiting: Waiting, now: float) -> None:
    faults: list[str] = []
    for each in subject.all("SubjectConfirmation"):
        if each.attributes.get("Method") != BEARER:
            faults.append("not by bearer")
            continue
        try:
            _bearer(each.one("SubjectConfirmationData"), provider, waiting, now)
        except UnauthenticatedError as error:
            faults.append(error.what)
        else:
            return
    raise _wrong(f"no confirmation of the subject ({'; '.join(faults[:3])})")


def _bearer(data: Node, provider: Saml, waiting: Waiting, now: float) -> None:
    if data.attributes.get("Recipient") != provider.acs:
        raise _wrong("another recipient")
    answers = data.attributes.get("InResponseTo", "")
    if not hmac.compare_digest(answers.encode(), request_id(waiting).encode()):
        raise _wrong("the answer to another request")
    if "NotBefore" in data.attributes or _time(data, "NotOnOrAfter") is None:
        raise _wrong("no end, or a beginning")  # Profiles 4.1.4.2
    _in_time(data, now)


def _statement(statement: Node, now: float) -> tuple[float, set[str]]:
    """When they proved who they are, and how."""
    authenticated, ends = _time(statement, "AuthnInstant"), _time(statement, "SessionNotOnOrAfter")
    if authenticated is None or authenticated > now + _SKEW_S or (ends is not None and ends <= now):
        raise _wrong("no time of the proof, or it is over")
    context = statement.one("AuthnContext")
    return authenticated, {each.text.strip() for each in context.all("AuthnContextClassRef")}


def _subject(subject: Node, assertion: Node, provider: Saml) -> str:
    """A stable id. One that is new each time, or is a mail address, is none."""
    if provider.subject_attribute:
        found = _attribute(assertion, provider.subject_attribute)
    else:
        name_id = subject.one("NameID")
        if name_id.attributes.get("Format") != PERSISTENT:
            raise _wrong("a NameID that is not persistent, and no attribute is named for the subject")
        # Core 2.2.2: the same text under another qualifier is somebody else.
        for qualifier, own in (("NameQualifier", provider.entity_id), ("SPNameQualifier", provider.sp_entity_id)):
            if name_id.attributes.get(qualifier, own) != own:
                raise _wrong(f"a NameID of another {qualifier}")
        found = name_id.text.strip()
    if not 0 < len(found) <= _LONGEST:
        raise _wrong("no subject")
    return found


def _attribute(assertion: Node, name: str) -> str:
    """The value of an attribute; empty unless it has exactly one."""
    if not name:
        return ""
    values = [
        value.text.strip()
        for statement in assertion.all("AttributeStatement")
        for each in statement.all("Attribute")
        if each.attributes.get("Name") == name
        for value in each.all("AttributeValue")
    ]
    return values[0] if len(values) == 1 else ""


def _entry(text: str) -> str:
    """An object's id as the source has it. AD FS sends the 16 bytes of objectGUID in Base64."""
    try:
        raw = base64.b64decode(text, validate=True) if len(text) == 24 else b""
    except (binascii.Error, ValueError):
        return text
    return str(uuid.UUID(bytes_le=raw)) if len(raw) == 16 else text


def _in_time(node: Node, now: float) -> None:
    begins, ends = _time(node, "NotBefore"), _time(node, "NotOnOrAfter")
    if begins is not None and now < begins - _SKEW_S:
        raise _wrong("it is not valid yet")
    if ends is not None and now >= ends + _SKEW_S:
        raise _wrong("it is expired")


def _time(node: Node, name: str) -> float | None:
    text = node.attributes.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(f"{name} is no time") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _wrong(what: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"the assertion has {what}" if not what.startswith("it ") else f"the assertion: {what}")
