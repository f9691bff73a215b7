"""The little of SDP a user agent with one audio stream needs (RFC 4566, RFC 3264)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

_CONNECTION = re.compile(rb"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)
_STREAM = re.compile(rb"^m=(\S+) (\d+)(?:/\d+)? (\S+) ([^\r\n]*)", re.MULTILINE)
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
    streams: tuple[str, ...] = ("",)
    """All streams of the description in their order: this one is empty, any other the line by which it is refused."""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the first audio stream. Raises ValueError if there is none."""
        streams, origin = list(_STREAM.finditer(body)), _ORIGIN.search(body)
        at = next((index for index, each in enumerate(streams) if each.group(1) == b"audio"), None)
        if at is None:
            raise ValueError("the SDP has no audio stream")
        media, end = streams[at], streams[at + 1].start() if at + 1 < len(streams) else len(body)
        # The stream's own lines come after its m= line and win over the session's.
        session_end = streams[0].start()
        connection = _CONNECTION.search(body, media.end(), end) or _CONNECTION.search(body, 0, session_end)
        direction = _DIRECTION.search(body, media.end(), end) or _DIRECTION.search(body, 0, session_end)
        return cls(
            address=connection.group(1).decode() if connection else "",
            port=int(media.group(2)),
            direction=direction.group(1).decode() if direction else "sendrecv",
            payload_types=tuple(int(word) for word in media.group(4).split() if word.isdigit()),
            session=int(origin.group(1)) if origin else 0,
            version=int(origin.group(2)) if origin else 0,
            streams=tuple("" if each is media else _refused(each) for each in streams),
        )

    @property
    def held(self) -> bool:
        """Whether its owner wants no audio from us (RFC 3264 section 8.4; 0.0.0.0 is the old way)."""
        return self.direction in ("sendonly", "inactive") or self.address in ("0.0.0.0", "::")

    def answering(self, offer: Audio) -> Audio:
        """This stream in answer to an offer: its direction mirrored (RFC 3264 section 6.1), all others refused (6)."""
        return replace(self, direction=_MIRROR[offer.direction], streams=offer.streams)

    def __bytes__(self) -> bytes:
        family = "IP6" if ":" in self.address else "IP4"
        own = [
            f"m=audio {self.port} RTP/AVP {' '.join(map(str, self.payload_types))}",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            f"a={self.direction}",
        ]
        lines = [
            "v=0",
            f"o=- {self.session} {self.version} IN {family} {self.address}",
            "s=-",
            f"c=IN {family} {self.address}",
            "t=0 0",
            *(line for refused in self.streams for line in ([refused] if refused else own)),
        ]
        return ("\r\n".join(lines) + "\r\n").encode()


def _refused(stream: re.Match[bytes]) -> str:
    kind, profile, formats = (stream.group(group).decode("utf-8", "replace") for group in (1, 3, 4))
    return f"m={kind} 0 {profile} {formats}"
