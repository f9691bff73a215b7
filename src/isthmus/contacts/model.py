"""What a list of contacts is made of."""

from __future__ import annotations

import msgspec

MOST = 1000
MOST_AT_ONCE = 1000
MOST_GROUPS = 10  # of one contact
MOST_NAME = 100  # characters
MOST_ADDRESS = 254


class Contact(msgspec.Struct, frozen=True):
    """Somebody in a list. address: of a person or anybody else (`user@domain`), or a number in E.164; there is one of
    each. name: as the owner calls them. number: in E.164, or what else was noted. groups: names, in order."""

    address: str
    name: str = ""
    number: str = ""
    groups: tuple[str, ...] = ()
