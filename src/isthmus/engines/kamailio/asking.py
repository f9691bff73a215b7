"""Asks phones by OPTIONS whether they are there (RFC 3261 section 11), the way calls would reach them."""

from __future__ import annotations

import re

from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.bulk import ask
from isthmus.engines.kamailio.rpc import RpcRefusedError
from isthmus.registration.model import Binding
from isthmus.site.file import SiteFile

_EDGE = re.compile(r";(?:edge|device)=[^;]*")
_TRANSPORT = re.compile(r";transport=[a-z]+")
_WITHIN_S = 30.0
"""One that is gone takes 5 s (fr_timer), and who asks next may be given to the worker that waits for it."""


def answers(site: SiteFile, binding: Binding) -> bool:
    """Whether the phone gives any final answer but those that mean silence. Raises UnavailableError."""
    hop = next_hop(binding)
    headers = f"From: <sip:{site.site.fqdn}>\r\nTo: <{binding.contact}>\r\n"
    try:
        told = ask(site, "tm.t_uac_wait_block", "OPTIONS", binding.contact, hop, ".", headers, within_s=_WITHIN_S)
    except RpcRefusedError:
        return False
    return int(told.get("code", 408)) not in (408, 477, 478, 503)


def next_hop(binding: Binding) -> str:
    """Where a phone that is connected here is reached, as a URI; its flow if that was noted."""
    flow = _EDGE.sub("", binding.received or contact.received_of(binding.path) or binding.contact)
    found = _TRANSPORT.search(flow)
    return _TRANSPORT.sub("", flow) + (found[0] if found else "")
