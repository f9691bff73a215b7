"""Addresses-of-record and E.164 numbers: pure values that parse and print themselves."""

from isthmus.addressing.aor import Aor
from isthmus.addressing.hostport import HostPort
from isthmus.addressing.number import dialled_number, is_e164, normalise_number

__all__ = ["Aor", "HostPort", "dialled_number", "is_e164", "normalise_number"]
