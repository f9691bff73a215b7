"""The phones of somebody as messages reach them, from the bindings that the registrar has."""

from __future__ import annotations

from urllib.parse import unquote

from isthmus.addressing import Aor
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.registrar import MESSAGE, KamailioRegistrar
from isthmus.messaging.phones import Phone
from isthmus.registration.model import Binding


def phones(registrar: KamailioRegistrar, aor: str, fqdn: str) -> list[Phone]:
    """Those that are registered now. fqdn: of this site. Raises UnavailableError."""
    return [phone(binding, methods, fqdn) for binding, methods in registrar.methods(Aor.parse(aor))]


def phone(binding: Binding, methods: int, fqdn: str) -> Phone:
    """One of them. A binding by way of another site is reached through that, which keeps the flow to it in Path.

    After a move there and back the way leads through this very site, and so to the phone, or its connector, straight
    away.
    """
    path = binding.path
    flow = binding.received
    if path and contact.host_of(contact.first_uri(path)) == fqdn:
        first, _, beyond = path.partition(",")
        path, flow = beyond, contact.received_of(first)
    return Phone(
        uri=binding.contact,
        hop=contact.first_uri(path) if path else flow or binding.contact,
        route=path,
        key=f"{binding.contact} {binding.call_id}",
        takes=bool(methods & MESSAGE),
        whole=contact.edge_of(unquote(path) or flow) != "udp",
    )
