"""SRTP with keys in the SDP (RFC 3711, RFC 4568), AES in counter mode and HMAC-SHA1 with 80 bits, for short calls.

Sequence numbers must not come round: the count of their rounds is taken to be none.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from isthmus.useragent.rtp import Media
from isthmus.useragent.transaction import Flow
from tests.agents.raw import User

SUITE = b"AES_CM_128_HMAC_SHA1_80"
_CRYPTO = re.compile(rb"^a=crypto:(\d+) " + SUITE + rb" inline:([A-Za-z0-9+/=]+)", re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length:[^\r\n]*", re.MULTILINE)
_HEADER, _TAG = 12, 10
_ENCRYPTION, _AUTHENTICATION, _SALT = 0, 1, 2  # labels of RFC 3711 section 4.3.1


class Context:
    """One direction: the session keys that a master key and salt (30 bytes) come to."""

    def __init__(self, master: bytes) -> None:
        self.key = derived(master, _ENCRYPTION, 16)
        self.authentication = derived(master, _AUTHENTICATION, 20)
        self.salt = int.from_bytes(derived(master, _SALT, 14), "big")

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet as SRTP (section 3.3)."""
        sealed = packet[:_HEADER] + self._crypt(packet)
        return sealed + self._tag(sealed)

    def unprotect(self, packet: bytes) -> bytes | None:
        """The RTP packet; None for one that was not made with this key."""
        sealed, tag = packet[:-_TAG], packet[-_TAG:]
        if len(sealed) <= _HEADER or not hmac.compare_digest(tag, self._tag(sealed)):
            return None
        return sealed[:_HEADER] + self._crypt(sealed)

    def _crypt(self, packet: bytes) -> bytes:
        sequence, ssrc = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
        start = (self.salt << 16) ^ (ssrc << 64) ^ (sequence << 16)  # section 4.1.1
        return _keystream(self.key, start, packet[_HEADER:])

    def _tag(self, packet: bytes) -> bytes:
        return hmac.digest(self.authentication, packet + bytes(4), "sha1")[:_TAG]


def derived(master: bytes, label: int, length: int) -> bytes:
    """A session key (RFC 3711 section 4.3.1), with a key derivation rate of zero."""
    salt = int.from_bytes(master[16:], "big") ^ (label << 48)
    return _keystream(master[:16], salt << 16, bytes(length))


def _keystream(key: bytes, start: int, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return cipher.update(data) + cipher.finalize()


class SecureMedia(Media):
    """A port that sends and hears SRTP alone. Its keys are those of the user whose it is."""

    def __init__(self) -> None:
        super().__init__()
        self.user: SecureUser | None = None
        self.refused = 0  # packets in the clear, or by another key

    def _sealed(self, packet: bytes) -> bytes:
        assert self.user is not None
        return self.user.own.protect(packet)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        theirs = self.user.theirs if self.user is not None else None
        opened = theirs.unprotect(data) if theirs is not None else None
        if opened is None:
            self.refused += 1
        else:
            super().datagram_received(opened, addr)


class SecureUser(User):
    """A user agent that speaks SRTP alone, one call at a time: keys in the SDP, answered by the offer's tag.

    theirs: by the key that came last.
    """

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.master, self.tag = secrets.token_bytes(30), 1
        self.own = Context(self.master)
        self.theirs: Context | None = None
        self.open_media = self._open_media

    async def _open_media(self, address: str) -> Media:
        media = await SecureMedia.open(address)
        assert isinstance(media, SecureMedia)
        media.user = self
        return media

    def send_bytes(self, data: bytes, flow: Flow) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        if b"m=audio" in body:
            key = base64.b64encode(self.master)
            body = body.replace(b" RTP/AVP ", b" RTP/SAVP ")
            body += b"a=crypto:%d %s inline:%s\r\n" % (self.tag, SUITE, key)
            head = _LENGTH.sub(b"Content-Length: %d" % len(body), head)
        super().send_bytes(head + b"\r\n\r\n" + body, flow)

    def _received(self, data: bytes, flow: Flow) -> None:
        found = _CRYPTO.search(data)
        if found is not None:
            self.tag, self.theirs = int(found[1]), Context(base64.b64decode(found[2] + b"=" * (-len(found[2]) % 4)))
        super()._received(data, flow)
