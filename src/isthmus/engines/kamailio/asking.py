"""Asks phones by OPTIONS whether they are there (RFC 3261 section 11), the way calls would reach them.

By the site's private listener, which sends them on and waits for nobody: by RPC each would keep one of the engine's
workers for connections until its phone answers.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Generator, Sequence

from isthmus.addressing import HostPort
from isthmus.engines.kamailio import contact
from isthmus.errors import UnavailableError
from isthmus.registration import exchange
from isthmus.registration.model import Binding
from isthmus.site import internal
from isthmus.site.file import SiteFile

AT_ONCE = 50
NOT_OURS = "Not Of This Site's Control Service"
"""With 403, the private listener's own: not to be taken for a phone's answer."""
_SILENT = frozenset({408, 430, 477, 478, 503})
_UNUSABLE = re.compile(r"[\s\x00]")


def ask(site: SiteFile, phones: Sequence[Binding]) -> Generator[int, None, list[bool]]:
    """Ask them all, many at once. Yields how many are settled by now, and returns of each whether it gave any final
    answer but those that mean silence. Raises UnavailableError where Kamailio sends none of it on.
    """
    if not phones:
        return []
    control = (site.site.internal_address, internal.KAMAILIO_CONTROL_UDP)
    try:
        secret = internal.control_secret(site).read_text(encoding="ascii").strip()
    except OSError as error:
        raise UnavailableError("the site has not been started yet", where=site.site.name) from error
    with exchange.open_socket(control[0]) as opened:
        via = str(HostPort(*opened.getsockname()[:2]))
        branches = [f"z9hG4bK{uuid.uuid4().hex}" for _ in phones]
        questions = {
            branch: question(phone, site.site.fqdn, via=via, branch=branch, secret=secret)
            for branch, phone in zip(branches, phones, strict=True)
            if not _UNUSABLE.search(f"{phone.contact}{next_hop(phone)}")
        }
        answers = yield from exchange.sending(opened, questions, control, window=AT_ONCE)
    if any(answer is None or answer == (403, NOT_OURS) for answer in answers.values()):
        raise UnavailableError(
            "Kamailio does not ask the phones", where=f"site {site.site.name}", do="Look at `isthmus site status`."
        )
    codes = [(answers.get(branch) or (408, ""))[0] for branch in branches]
    return [code not in _SILENT for code in codes]


def question(phone: Binding, fqdn: str, *, via: str, branch: str, secret: str) -> bytes:
    """The OPTIONS to one phone. fqdn: of this site. via: `host:port` we send from. branch: see `register_text`."""
    lines = (
        f"OPTIONS {phone.contact} SIP/2.0",
        f"Via: SIP/2.0/UDP {via};branch={branch};rport",
        "Max-Forwards: 20",
        f"From: <sip:{fqdn}>;tag={branch[-12:]}",
        f"To: <{phone.contact}>",
        f"Call-ID: {branch[8:]}",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        f"X-Isthmus-Hop: {next_hop(phone)}",
        f"X-Isthmus-Control: {secret}",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def next_hop(phone: Binding) -> str:
    """Where a phone that is connected here is reached, as a URI; its flow if that was noted."""
    return phone.received or contact.received_of(phone.path) or phone.contact
