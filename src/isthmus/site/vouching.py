"""Certificates of those who sign calls, fetched for one site as calls ask for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import UnavailableError
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile
from isthmus.stir.fetching import Fetching, roots_in
from isthmus.stir.known import ASKED, KnownFile

_LOOK_S = 2.0


def run_fetching(site_file: SiteFile, background: Background, facts: dict[str, Callable[[], Any]]) -> None:
    """Registers what has to run; nothing where calls are not verified. Raises UsageError."""
    wanted, folder = site_file.stir, site_file.path.parent
    if wanted.trusted_file is None:
        return

    def asked() -> list[str]:
        try:
            slots = ask(site_file, "htable.dump", ASKED) or ()
        except UnavailableError:
            return []
        return [str(entry["name"]) for slot in slots for entry in slot.get("slot") or ()]

    file = KnownFile(site_file.snapshot_dir)
    ca_file = folder / wanted.fetch_ca_file if wanted.fetch_ca_file else None
    fetching = Fetching(file, roots_in(folder / wanted.trusted_file), wanted.fetch_from, asked, ca_file=ca_file)
    job = Repeating("fetch certificates of signers", fetching.work, _LOOK_S)
    background.add("certificates of signers", job.start, job.stop)
    facts["signers"] = lambda: {
        "ok": not job.trouble,
        "reason": job.trouble,
        "known": len(file.all()),
        "not_known_whether_taken_back": [{"url": each.x5u, "why": each.unasked} for each in file.all() if each.unasked][
            :20
        ],
        "no_good": [{"url": each.x5u, "why": each.fault} for each in file.all() if each.fault][:20],
    }
