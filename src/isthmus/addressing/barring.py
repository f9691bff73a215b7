"""What a person can be kept from after misuse, each a word: the whole account, a network, or a class of calls.

| word | who has it |
|---|---|
| `account` | can neither register nor call |
| `network:192.0.2.0/24` | can't do so from addresses of that network |
| `calls:pstn` | can't call the PSTN |
| `calls:international` | can't call other countries than that of their own number |
| `calls:premium` | can't call premium and satellite numbers |
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from isthmus.addressing.destination import destination_of

ACCOUNT = "account"
PSTN, INTERNATIONAL, PREMIUM = "calls:pstn", "calls:international", "calls:premium"
_NETWORK = "network:"
WORDS = {
    ACCOUNT: "can neither register nor call",
    PSTN: "can't call the PSTN",
    INTERNATIONAL: "can't call other countries",
    PREMIUM: "can't call premium and satellite numbers",
}


def network(prefix: str) -> str:
    """The word for a network."""
    return _NETWORK + prefix


def fault_of(word: str) -> str | None:
    """Why this is none of the words; None where it is one."""
    if word in WORDS:
        return None
    if word.startswith(_NETWORK):
        try:
            parsed = ipaddress.ip_network(word.removeprefix(_NETWORK))
        except ValueError as error:
            return f"{word!r}: {error}"
        return None if str(parsed) == word.removeprefix(_NETWORK) else f"{word!r} is to be written network:{parsed}"
    return f"{word!r} is nothing one can be kept from: {', '.join(WORDS)}, network:PREFIX"


def meaning(word: str) -> str:
    """The word in words: what whoever has it can't do."""
    return WORDS.get(word) or f"can neither register nor call from {word.removeprefix(_NETWORK)}"


def keeps_out(barred: Collection[str], address: str) -> bool:
    """Whether somebody with these words may not be who is at this address."""
    if ACCOUNT in barred:
        return True
    prefixes = [word.removeprefix(_NETWORK) for word in barred if word.startswith(_NETWORK)]
    if not prefixes:
        return False
    parsed = ipaddress.ip_address(address.strip("[]"))
    return any(parsed in ipaddress.ip_network(prefix) for prefix in prefixes)


def keeps_from_calling(barred: Collection[str], number: str, own_number: str | None) -> str | None:
    """The word that keeps somebody from calling a number of the PSTN; None where they may.

    own_number: says which country is not abroad; without one every country is.
    """
    if PSTN in barred:
        return PSTN
    where = destination_of(number)
    if PREMIUM in barred and where.dear:
        return PREMIUM
    if INTERNATIONAL in barred and (own_number is None or where.region != destination_of(own_number).region):
        return INTERNATIONAL
    return None
