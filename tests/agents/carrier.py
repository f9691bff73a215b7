"""A carrier with accounts: a registrar that wants REGISTER and INVITE proved by digest (RFC 3261 sections 10.3, 22)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from isthmus.sip import digest
from isthmus.sip.digest import Algorithm
from isthmus.useragent.message import Request, Response, response_to, uri_of
from isthmus.useragent.transaction import Flow
from tests.agents.raw import User


class Carrier(User):
    """Knows one account.

    refuse: code that every REGISTER is answered with; 0: none, silence: -1. gives_s: what a registration gets. stale:
    how many nonces are called too old. bindings: Contact URIs as they were registered. proves_calls: whether calls
    have to be proved, counts: and by a new CSeq; proves_all: what comes in a dialog too.
    """

    ways: Mapping[str, object] = {}  # what is otherwise from the first request on
    account_user, secret, realm = "4711", "open sesame", "carrier.example"
    algorithm = Algorithm.MD5

    def __init__(self, *words: object, **options: object) -> None:
        self.refuse, self.gives_s, self.stale = 0, 600, 0
        self.proves_calls, self.proves_all, self.counts = False, False, True
        self.bindings: list[str] = []
        self.minimum_s, self.nonce_bytes = 0, 8
        self._cseqs: dict[str, int] = {}
        for name, value in self.ways.items():
            setattr(self, name, value)
        super().__init__(*words, **options)  # type: ignore[arg-type]

    def _outside_dialog(self, request: Request, flow: Flow) -> None:
        if request.method == "REGISTER":
            self._register(request)
        elif request.method == "INVITE" and self.proves_calls and not self._is_proved(request, 407):
            return
        else:
            super()._outside_dialog(request, flow)

    def _request(self, request: Request, flow: Flow) -> None:
        asked = self.proves_all and request.to_tag and request.method not in ("ACK", "CANCEL")
        if not asked or self._is_proved(request, 407):
            super()._request(request, flow)

    def _register(self, request: Request) -> None:
        if self.refuse < 0:
            return
        if self.refuse:
            self._answer(request, self.refuse, "No")
        elif int(request.get("Expires")) < self.minimum_s:
            self._answer(request, 423, "Interval Too Brief", ("Min-Expires", str(self.minimum_s)))
        elif self._is_proved(request, 401):
            contact = request.get("Contact")
            self.bindings.append(uri_of(contact))
            self._answer(request, 200, "OK", ("Contact", f"<{uri_of(contact)}>;expires={self.gives_s}"))
            self.changes.notify()

    def _is_proved(self, request: Request, code: int) -> bool:
        """Whether the credentials are right, and it is no INVITE of before; else it is answered."""
        given = request.get("Authorization" if code == 401 else "Proxy-Authorization")
        known = digest.parse_credentials(given) if given else None
        old = self._cseqs.get(request.call_id, 0) >= request.cseq[0]
        self._cseqs[request.call_id] = request.cseq[0]
        hashed = {"MD5": "md5", "SHA-256": "sha256"}[self.algorithm]
        secret = f"{self.account_user}:{self.realm}:{self.secret}".encode()
        ha1 = hashlib.new(hashed, secret).digest()
        right = known is not None and known.uri == request.uri and digest.is_right(known, request.method, ha1)
        if right and old and self.counts and request.method == "INVITE":
            self._answer(request, 482, "CSeq Was There Before")  # section 22.2
            return False
        if right and not self.stale:
            return True
        self.stale -= 1 if right else 0
        stale = ", stale=true" if right else ""
        name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
        nonce = secrets.token_hex(self.nonce_bytes)
        challenge = f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={self.algorithm}, qop="auth"{stale}'
        self._answer(request, code, "Prove It", (name, challenge))
        return False

    def _answer(self, request: Request, code: int, phrase: str, *headers: tuple[str, str]) -> None:
        response: Response = response_to(request, code, phrase, to_tag=secrets.token_hex(4), headers=headers)
        self.respond(request, response)
