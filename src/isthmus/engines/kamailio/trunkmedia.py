"""What the media of a trunk has to be like: encrypted or not, and by which codecs. Pure: SDP and flags are text.

Towards the inside nothing changes: the relay stands between, and each side speaks its own form of RTP.
"""

from __future__ import annotations

import re
from typing import Protocol

from isthmus.routing import bypass

_MEDIA = re.compile(r"^m=(\w+) (\d+)(?:/\d+)? (\S+) ([^\r\n]*)", re.MULTILINE)
# No codecs of speech, but what goes with it: keys (RFC 4733) and comfort noise (RFC 3389).
_BESIDE = ("telephone-event", "CN")
# What every phone speaks, where a trunk's codecs have to be translated for it.
_COMMON = ("PCMU", "PCMA")


class Wish(Protocol):
    """Settings of a trunk, as the site file has them."""

    @property
    def media(self) -> str: ...

    @property
    def codecs(self) -> tuple[str, ...]: ...

    @property
    def transcode(self) -> bool: ...


def has_wishes(trunk: Wish | None) -> bool:
    """Whether calls by it have to go through the relay."""
    return trunk is not None and (trunk.media != "rtp" or bool(trunk.codecs))


def is_too_open(trunk: Wish, sdp: str) -> bool:
    """Whether the SDP of a trunk offers or answers media in the clear, though it has to be encrypted (RFC 3711).

    By keys in the SDP or by DTLS: either will do. Streams that are refused (port 0) don't count.
    """
    if trunk.media == "rtp":
        return False
    profiles = [profile for _, port, profile, _ in _MEDIA.findall(sdp) if port != "0"]
    return any("SAVP" not in profile.upper() for profile in profiles)


def speech_codecs(sdp: str) -> tuple[str, ...]:
    """The names of the audio codecs in an SDP, in capitals, the best one first."""
    return bypass.read(sdp).codecs


def in_common(trunk: Wish, sdp: str) -> tuple[str, ...]:
    """Those of the trunk's codecs that the SDP has, the trunk's best first; all that it has where any will do."""
    offered = speech_codecs(sdp)
    return tuple(name for name in trunk.codecs if name.upper() in offered) if trunk.codecs else offered


def is_refused(trunk: Wish, sdp: str) -> bool:
    """Whether an offer that goes to the trunk, or comes from it, has no codec that calls by it may have."""
    return bool(trunk.codecs) and bool(speech_codecs(sdp)) and not trunk.transcode and not in_common(trunk, sdp)


def codec_flags(sdp: str, to: Wish | None = None, came_from: Wish | None = None) -> str:
    """Flags for an offer, which say what is left of its codecs; empty where all of them are.

    to, came_from: the trunks that it goes to and was made by, if any.
    """
    trunk = to if to is not None and to.codecs else came_from
    if trunk is None or not trunk.codecs:
        return ""
    common = in_common(trunk, sdp)
    if not common and to is trunk:
        # Masked ones are hidden from the trunk, but are still what the caller's side speaks.
        return " ".join(("codec-mask-all", *(f"codec-transcode-{name}" for name in (*trunk.codecs, _BESIDE[0]))))
    kept = ["codec-strip-all", *(f"codec-offer-{name}" for name in (*trunk.codecs, *_BESIDE))]
    if trunk.transcode and came_from is trunk:
        # Behind the trunk's own: who has one of those takes it, and nothing is translated.
        kept += [f"codec-transcode-{name}" for name in _COMMON]
    return " ".join(kept)
