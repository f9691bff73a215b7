"""The phones of somebody as messages reach them, from the bindings that the registrar has."""

from __future__ import annotations

from urllib.parse import unquote

from isthmus.addressing import Aor
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.registrar import MESSAGE, KamailioRegistrar
from isthmus.messaging.phones import Phone
from isthmus.registration.model import Binding


def phones(registrar: KamailioRegistrar, aor: str) -> list[Phone]:
    """Those that are registered now. Raises UnavailableError."""
    return [phone(binding, methods) for binding, methods in registrar.methods(Aor.parse(aor))]


def phone(binding: Binding, methods: int) -> Phone:
    """One of them. A binding by way of another site is reached through that, which keeps the flow to it in Path."""
    hop = contact.first_uri(binding.path) if binding.path else binding.received or binding.contact
    edge = contact.edge_of(unquote(binding.path) or binding.received)
    return Phone(
        uri=binding.contact,
        hop=hop,
        route=binding.path,
        key=f"{binding.contact} {binding.call_id}",
        takes=bool(methods & MESSAGE),
        whole=edge != "udp",
    )
