"""The rules by which bindings move between registrars. Pure: no clock, no socket.

1. A binding that a phone made straight at a site has no Path. When it leaves that site it gets one that leads back:
   the site's host on the link, with `received` saying where the phone is (RFC 3327, RFC 5626 section 5.1). One made
   through a connector gets the site put before the connector, to which no other site has a way.
2. At the target it is saved by a REGISTER with its own Call-ID and CSeq, so that the phone's next REGISTER follows on.
3. Kamailio 5.6 compares CSeq only where a phone gives no instance-id. So we compare before we send: what the target
   took in itself since is newer and stays; what we brought earlier is brought up to date or taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from isthmus.addressing import Aor
from isthmus.registration.model import Binding

_HOST_PORT = re.compile(r"sips?:(?:[^@;?]*@)?(\[[^\]]+\]|[^:;?>\s]+)(?::(\d+))?(.*)", re.IGNORECASE | re.DOTALL)
_TRANSPORT = re.compile(r";transport=([a-z]+)", re.IGNORECASE)
_LINE_BREAK = re.compile(r"[\r\n\x00]+[ \t]*")
_EXPIRY_SLACK_S = 5


def exported(binding: Binding, link_host: str) -> Binding:
    """The form in which a binding leaves its site. link_host: `host:port` of the site's link, as in its Path."""
    if binding.path:
        is_at_connector = first_site(binding.path).endswith(f".connectors.{link_host.rpartition(':')[0]}")
        return replace(binding, path=by_way_of(link_host, binding.path.strip("<>"))) if is_at_connector else binding
    where = binding.received or _flow(binding.contact)
    if _TRANSPORT.search(where) is None:
        where += ";transport=udp"
    return replace(binding, path=f"<sip:{link_host};transport=tls;lr;received={quote(where, safe=':')}>")


def by_way_of(link_host: str, beyond: str, device: str = "") -> str:
    """The Path to a phone at a connector of the site with that host: by the site, and from there by the connector.

    beyond: the URI that the connector gave. device: what registered it, if that is known (see Binding.device).
    """
    ours = f"sip:{link_host};transport=tls;lr" + (f";device={device}" if device else "")
    # Phones with several flows are taken only where each hop keeps flows (RFC 5626 section 6).
    return f"<{ours}{';ob' if ';ob' in beyond else ''}>,<{beyond}>"


def _flow(contact: str) -> str:
    """`sip:host:port;transport=x`: where a contact can be reached by what it says itself."""
    match = _HOST_PORT.match(contact)
    if match is None:
        return contact
    host, port, rest = match.groups()
    found = _TRANSPORT.search(rest)
    transport = found.group(1).lower() if found else "udp"
    return f"sip:{host}:{port or (5061 if transport == 'tls' else 5060)};transport={transport}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done at the target for one person: bindings to save, and contacts to take away."""

    save: tuple[Binding, ...] = ()
    remove: tuple[Binding, ...] = ()


def plan_import(
    source: Iterable[Binding], target: Iterable[Binding], before: Iterable[Binding] | None, now_s: float
) -> Plan:
    """What brings the target's bindings to the source's.

    before: what an earlier import of the same move brought; None at the first import, when the target is not home
    yet and whatever it holds is left over from an earlier life.
    """
    at_source = {binding.key: binding for binding in source if binding.expires_at > now_s}
    at_target = {binding.key: binding for binding in target}
    brought = {binding.key: binding for binding in before or ()}
    save = tuple(
        binding
        for key, binding in at_source.items()
        if before is None or _wanted(binding, at_target.get(key), brought.get(key))
    )
    gone = (key for key in (at_target if before is None else brought) if key not in at_source)
    remove = tuple(
        at_target[key] for key in gone if key in at_target and _ours(at_target[key], brought.get(key), before)
    )
    return Plan(save, remove)


def _wanted(source: Binding, target: Binding | None, brought: Binding | None) -> bool:
    if target is None:
        return True
    if source.call_id == target.call_id:
        return source.cseq > target.cseq or (source.cseq == target.cseq and not alike(source, target))
    return brought is not None and _ours(target, brought, ())


def _ours(target: Binding, brought: Binding | None, before: Iterable[Binding] | None) -> bool:
    """Whether the target's binding is the one we brought, and not one that the phone made there since."""
    if before is None:
        return True
    return brought is not None and (target.call_id, target.cseq) == (brought.call_id, brought.cseq)


def alike(one: Binding, other: Binding) -> bool:
    """Whether two records say the same of a phone; expiry may differ by the rounding of seconds."""
    return (
        (one.call_id, one.cseq, one.contact, one.path) == (other.call_id, other.cseq, other.contact, other.path)
        and one.key == other.key
        and abs(one.expires_at - other.expires_at) <= _EXPIRY_SLACK_S
    )


def changed(before: Sequence[Binding], now: Sequence[Binding]) -> bool:
    """Whether anything a phone did lies between two exports of one person."""
    left = {binding.key: binding for binding in before}
    right = {binding.key: binding for binding in now}
    return left.keys() != right.keys() or not all(alike(left[key], right[key]) for key in left)


def missing(wanted: Iterable[Binding], present: Iterable[Binding], now_s: float) -> list[Binding]:
    """The bindings that should be at the target and are not: neither they nor a newer one of the same phone."""
    held = {binding.key: binding for binding in present}
    return [
        binding
        for binding in wanted
        if binding.expires_at > now_s + _EXPIRY_SLACK_S
        and (
            (found := held.get(binding.key)) is None or (found.call_id == binding.call_id and found.cseq < binding.cseq)
        )
    ]


# What a REGISTER of ours may carry.
HEADERS = (
    "Via",
    "Max-Forwards",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "X-Isthmus-Control",
    "Supported",
    "Path",
    "Contact",
    "User-Agent",
    "Content-Length",
)


def register_text(aor: Aor, binding: Binding, *, via: str, branch: str, secret: str, now_s: float) -> bytes:
    """The REGISTER that saves one binding through the private listener.

    via: `host:port` we send from. branch: unique for the transaction, with the magic cookie (RFC 3261 8.1.1.7).
    """
    contact = [f"<{binding.contact}>"]
    if binding.q is not None:
        contact.append(f"q={binding.q:.3f}")
    contact.append(f"expires={max(1, int(binding.expires_at - now_s))}")
    if binding.instance:
        contact.append(f'+sip.instance="{binding.instance}"')
    if binding.reg_id:
        contact.append(f"reg-id={binding.reg_id}")
    headers: Mapping[str, str] = {
        "Via": f"SIP/2.0/UDP {via};branch={branch};rport",
        "Max-Forwards": "70",
        "From": f"<{aor.uri}>;tag={branch[-12:]}",
        "To": f"<{aor.uri}>",
        "Call-ID": binding.call_id,
        "CSeq": f"{binding.cseq} REGISTER",
        "X-Isthmus-Control": secret,
        "Supported": "path, outbound, gruu",
        "Path": binding.path,
        "Contact": ";".join(contact),
        "User-Agent": binding.user_agent,
        "Content-Length": "0",
    }
    lines = [f"REGISTER sip:{aor.domain} SIP/2.0"]
    # A header that came folded over lines is folded back: nothing may break out of its line.
    lines += [f"{name}: {_LINE_BREAK.sub(' ', value)}" for name, value in headers.items() if value]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def edge_site(path: str) -> str:
    """Host of the site or connector that a phone is connected to, from a binding's Path; empty for one of this site."""
    return _host_of(path.rpartition("<")[2])


def first_site(path: str) -> str:
    """Host of the site by which the way to a phone begins, from a binding's Path; empty for a phone of this site."""
    return _host_of(path)


def _host_of(path: str) -> str:
    match = _HOST_PORT.search(path)
    return match.group(1) if match else ""
