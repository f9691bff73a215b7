"""Addresses-of-record and E.164 numbers: pure values that parse and print themselves."""

from isthmus.addressing.aor import Aor
from isthmus.addressing.hostport import HostPort
from isthmus.addressing.number import dialled_number, is_e164, normalise_number
from isthmus.addressing.telephone import Telephone

__all__ = ["Aor", "HostPort", "Telephone", "dialled_number", "is_e164", "normalise_number"]
