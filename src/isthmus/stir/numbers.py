"""Canonical telephone numbers (RFC 8224 section 8.3). Pure."""

from __future__ import annotations

import re

_CANONICAL = re.compile(r"[0-9*#]{1,32}")
_SEPARATORS = str.maketrans("", "", "-.() ")


def canonical(user: str) -> str:
    """The canonical form of a number as it stands in a URI: `+1 (215) 555-0121` gives `12155550121`.

    `+` and visual separators (RFC 3966 section 5.1.1) fall away, and parameters. Empty where `user` is no number: a
    letter makes it a name, which no signature vouches for.
    """
    bare = user.partition(";")[0].replace("%23", "#").translate(_SEPARATORS).removeprefix("+")
    return bare if _CANONICAL.fullmatch(bare) else ""
