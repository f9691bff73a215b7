"""The little of SDP a user agent with one audio stream needs (RFC 4566, RFC 3264)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

_CONNECTION = re.compile(rb"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)
_AUDIO = re.compile(rb"^m=audio (\d+) \S+ ([^\r\n]*)", re.MULTILINE)
_DIRECTION = re.compile(rb"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", re.MULTILINE)
_ORIGIN = re.compile(rb"^o=\S+ (\d+) (\d+)", re.MULTILINE)
_MIRROR = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive", "sendrecv": "sendrecv"}


@dataclass(frozen=True, slots=True)
class Audio:
    """One audio stream: where it wants its RTP, which way it flows, the payload types in order of liking."""

    address: str
    port: int
    direction: str = "sendrecv"
    payload_types: tuple[int, ...] = (0, 101)
    session: int = 1
    version: int = 1

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the first audio stream. Raises ValueError if there is none."""
        media, origin = _AUDIO.search(body), _ORIGIN.search(body)
        if media is None:
            raise ValueError("the SDP has no audio stream")
        # The stream's own c= line comes after its m= line and wins over the session's.
        connection = _CONNECTION.search(body, media.end()) or _CONNECTION.search(body)
        direction = _DIRECTION.search(body)
        return cls(
            address=connection.group(1).decode() if connection else "",
            port=int(media.group(1)),
            direction=direction.group(1).decode() if direction else "sendrecv",
            payload_types=tuple(int(word) for word in media.group(2).split() if word.isdigit()),
            session=int(origin.group(1)) if origin else 0,
            version=int(origin.group(2)) if origin else 0,
        )

    @property
    def held(self) -> bool:
        """Whether its owner wants no audio from us (RFC 3264 section 8.4; 0.0.0.0 is the old way)."""
        return self.direction in ("sendonly", "inactive") or self.address in ("0.0.0.0", "::")

    def answering(self, offer: Audio) -> Audio:
        """This stream in answer to an offer: its direction mirrored (RFC 3264 section 6.1)."""
        return replace(self, direction=_MIRROR[offer.direction])

    def __bytes__(self) -> bytes:
        family = "IP6" if ":" in self.address else "IP4"
        lines = [
            "v=0",
            f"o=- {self.session} {self.version} IN {family} {self.address}",
            "s=-",
            f"c=IN {family} {self.address}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {' '.join(map(str, self.payload_types))}",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            f"a={self.direction}",
        ]
        return ("\r\n".join(lines) + "\r\n").encode()
