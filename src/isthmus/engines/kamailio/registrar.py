"""Kamailio's registrar: its bindings by RPC, and saving them by REGISTER through the private listener."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from isthmus.addressing import Aor
from isthmus.engines.kamailio.rpc import KamailioRpc, RpcRefusedError
from isthmus.errors import UnavailableError
from isthmus.registration import exchange, rules
from isthmus.registration.model import Binding

_TABLE = "location"
MESSAGE = 1 << 8  # the engine's bit for it (core/parser/msg_parser.h)
ALL_METHODS = 0xFFFFFFFF
# ul.flush is of no use here: with usrloc in write-back mode the process that answers RPC has no database connection.
# The timer process writes (usrloc timer_interval); a binding's state tells when it has.
_NOT_SET = "[not set]"  # how the RPC writes an absent value
# Kamailio answers the same code for every failure; the text is what tells "nobody" from "broken".
_NONE = ("not found", "no contacts")


class KamailioRegistrar:
    """Reads and changes the bindings held by one Kamailio.

    control: address of its private UDP listener. secret: gives the proof that listener asks for. removed: called with
    the address of whom bindings were taken away from, of which the engine tells nobody.
    """

    def __init__(
        self,
        rpc: KamailioRpc,
        control: tuple[str, int],
        secret: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rpc, self._control, self._secret, self._clock = rpc, control, secret, clock
        self.removed: Callable[[str], object] = lambda aor: None

    def bindings(self, aor: Aor) -> list[Binding]:
        """All bindings of one person that have not expired. Raises UnavailableError."""
        return [binding for binding, _ in self.methods(aor)]

    def methods(self, aor: Aor) -> list[tuple[Binding, int]]:
        """The same, each with what the phone's Allow or Contact said that it takes: bits of the engine's, all where it
        said nothing. It is not handed over with a binding."""
        try:
            answer = self._rpc.call("ul.lookup", _TABLE, str(aor))
        except RpcRefusedError as error:
            if any(text in error.message for text in _NONE):
                return []
            raise UnavailableError(f"the registrar does not tell its bindings ({error.message})") from error
        now = self._clock()
        contacts = [entry["Contact"] for entry in answer.get("Contacts", ())]
        found = ((binding_from(each, now), int(each.get("Methods", ALL_METHODS))) for each in contacts)
        return [(binding, methods) for binding, methods in found if binding is not None]

    def save(self, wanted: Sequence[tuple[Aor, Binding]]) -> dict[Aor, str]:
        """Save bindings by REGISTER, many at once. Returns why not for each person with one that was refused.

        Raises UnavailableError when the listener does not answer.
        """
        if not wanted:
            return {}
        with exchange.open_socket(self._control[0]) as opened:
            host, port = opened.getsockname()[:2]
            via = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            secret, now = self._secret(), self._clock()
            by_branch = {f"z9hG4bK{uuid.uuid4().hex}": pair for pair in wanted}
            answers = exchange.send_all(
                opened,
                {
                    branch: rules.register_text(aor, binding, via=via, branch=branch, secret=secret, now_s=now)
                    for branch, (aor, binding) in by_branch.items()
                },
                self._control,
            )
        if any(answer is None or answer[0] == 503 for answer in answers.values()):
            raise UnavailableError("the registrar does not take bindings in", where=f"{self._control[0]}")
        verdicts: dict[Aor, str] = {}
        for branch, (aor, binding) in by_branch.items():
            status, reason = answers[branch] or (0, "")
            if status >= 300:
                verdicts[aor] = f"the registrar refused {binding.contact}: {status} {reason}"
        return verdicts

    def remove(self, aor: Aor, bindings: Iterable[Binding]) -> None:
        """Remove some bindings of one person; those that are gone already are no error."""
        for binding in bindings:
            self._forget("ul.rm_contact", str(aor), binding.contact)
        self.removed(str(aor))

    def remove_all(self, aor: Aor) -> None:
        """Remove every binding of one person."""
        self._forget("ul.rm", str(aor))
        self.removed(str(aor))

    def incarnation(self) -> str:
        """Another text after each restart of Kamailio."""
        return f"{self._rpc.call('core.ps')[0]} since {self._rpc.call('core.uptime')['up_since']}"

    def _forget(self, method: str, *params: str) -> None:
        try:
            self._rpc.call(method, _TABLE, *params)
        except RpcRefusedError as error:
            if not any(text in error.message.lower() for text in _NONE):
                raise UnavailableError(f"the registrar does not remove a binding ({error.message})") from error


def binding_from(contact: Mapping[str, Any], now_s: float) -> Binding | None:
    """Read one `Contact` of ul.lookup. None for one that is expired or being deleted."""
    expires = contact.get("Expires")
    if not isinstance(expires, int) or expires <= 0:
        return None  # "expired", "deleted"
    q = float(contact.get("Q", -1))
    return Binding(
        contact=_text(contact, "Address"),
        call_id=_text(contact, "Call-ID"),
        cseq=int(contact.get("CSeq", 0)),
        expires_at=int(now_s) + expires,
        q=None if q < 0 else q,
        received=_text(contact, "Received"),
        path=_text(contact, "Path"),
        user_agent=_text(contact, "User-Agent"),
        instance=_text(contact, "Instance"),
        reg_id=int(contact.get("Reg-Id", 0)),
        socket=_text(contact, "Socket"),
        stored=contact.get("State") == "CS_SYNC",
    )


def _text(contact: Mapping[str, Any], name: str) -> str:
    value = contact.get(name, _NOT_SET)
    return "" if value == _NOT_SET else str(value)
