"""rtpengine: the media relay of a site."""

from __future__ import annotations

from isthmus.addressing.hostport import bracketed
from isthmus.site import internal
from isthmus.site.file import SiteFile


def command(site: SiteFile) -> list[str]:
    """How the supervisor starts it: in the foreground, in user space, with nothing from Debian's own file.

    Media on the site's address only; control on the internal address only.
    """
    return [
        "rtpengine",
        "--foreground",
        "--log-stderr",
        "--log-level=4",  # warnings; every call would fill a line a second at 6
        "--config-file=none",  # else Debian's file is read too, and opens another control port
        "--table=-1",  # no kernel module
        "--delete-delay=0",  # else the ports of a call that ended stay taken for 30 s
        f"--interface={site.site.address}",
        f"--listen-ng={bracketed(site.site.internal_address)}:{internal.RTPENGINE_NG}",
        f"--port-min={site.media.rtp_low}",
        f"--port-max={site.media.rtp_high}",
        "--num-threads=2",
        "--timeout=60",
        "--silent-timeout=3600",
        # In its first seconds a stream is known by the address that its SDP names, before any other: with the usual way
        # (delayed) it is whoever speaks to the port, and gets to hear the call.
        "--endpoint-learning=heuristic",
    ]


def prepare(site: SiteFile) -> None:
    """Nothing to write: all of it is on the command line."""
