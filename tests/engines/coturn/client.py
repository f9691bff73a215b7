"""As much of TURN as it takes to ask coturn for something and be refused (RFC 8489, RFC 8656): over UDP, by hand."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
import struct

from isthmus.turn.rules import Credential

ALLOCATE, REFRESH, CREATE_PERMISSION = 0x0003, 0x0004, 0x0008
_COOKIE = 0x2112A442
_USERNAME, _INTEGRITY, _ERROR, _PEER, _REALM, _NONCE, _TRANSPORT = 0x06, 0x08, 0x09, 0x12, 0x14, 0x15, 0x19
_UDP = bytes([17, 0, 0, 0])


class Turn:
    """One client at a port of its own. `close` gives it back."""

    def __init__(self, server: tuple[str, int], credential: Credential) -> None:
        self._credential, self._realm, self._nonce = credential, b"", b""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(10)
        self._socket.connect(server)

    def close(self) -> None:
        """Give the port back; the server forgets it after a while."""
        self._socket.close()

    def allocate(self) -> int:
        """0, or the code it was refused with."""
        return self._ask(ALLOCATE, [(_TRANSPORT, _UDP)])

    def refresh(self) -> int:
        """The same for what is allocated."""
        return self._ask(REFRESH, [])

    def permit(self, peer: str) -> int:
        """The same for speaking to an address."""
        packed = ipaddress.ip_address(peer).packed
        masked = int.from_bytes(packed, "big") ^ _COOKIE
        value = struct.pack("!BBH", 0, 1, 40000 ^ (_COOKIE >> 16)) + masked.to_bytes(4, "big")
        return self._ask(CREATE_PERMISSION, [(_PEER, value)])

    def _ask(self, method: int, attributes: list[tuple[int, bytes]]) -> int:
        """Once more where the answer tells the nonce that was missing (RFC 8489 section 9.2.5) or is another now."""
        proved = bool(self._nonce)
        code = self._once(method, attributes)
        return self._once(method, attributes) if code == 438 or (code == 401 and not proved) else code

    def _once(self, method: int, attributes: list[tuple[int, bytes]]) -> int:
        body = b"".join(_attribute(kind, value) for kind, value in attributes)
        if self._nonce:
            body += _attribute(_USERNAME, self._credential.username.encode())
            body += _attribute(_REALM, self._realm) + _attribute(_NONCE, self._nonce)
        transaction = secrets.token_bytes(12)
        if self._nonce:
            words = f"{self._credential.username}:{self._realm.decode()}:{self._credential.password}"
            key = hashlib.md5(words.encode(), usedforsecurity=False).digest()
            covered = _header(method, len(body) + 24, transaction) + body
            body += _attribute(_INTEGRITY, hmac.new(key, covered, hashlib.sha1).digest())
        self._socket.send(_header(method, len(body), transaction) + body)
        told = _attributes(self._answer(transaction))
        self._realm, self._nonce = told.get(_REALM, self._realm), told.get(_NONCE, self._nonce)
        error = told.get(_ERROR)
        return error[2] * 100 + error[3] if error else 0

    def _answer(self, transaction: bytes) -> bytes:
        while True:
            answer = self._socket.recv(2000)
            if answer[8:20] == transaction:
                return answer


def _header(method: int, length: int, transaction: bytes) -> bytes:
    return struct.pack("!HHI", method, length, _COOKIE) + transaction


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _attributes(message: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at + 4 <= len(message):
        kind, length = struct.unpack_from("!HH", message, at)
        found[kind] = message[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found
