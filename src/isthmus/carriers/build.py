"""The carriers of a site, as its file sets them up."""

from __future__ import annotations

import functools

from isthmus.carriers import telnyx
from isthmus.carriers.contract import Carrier, CarrierKeyError
from isthmus.carriers.simulated import SimulatedCarrier
from isthmus.carriers.telnyx import TelnyxCarrier
from isthmus.errors import UsageError
from isthmus.site.file import CarrierSection, SiteFile
from isthmus.site.private import read_secret


def carriers_of(site_file: SiteFile) -> dict[str, Carrier]:
    """By name, in the order of the file. Keys are read when they are needed: a new one counts at once."""
    return {each.name: _carrier(each, site_file) for each in site_file.carrier}


def _carrier(section: CarrierSection, site_file: SiteFile) -> Carrier:
    key = functools.partial(_key, section, site_file)
    if section.kind == "simulated":
        return SimulatedCarrier(section.name, section.url, key)
    return TelnyxCarrier(section.name, key, url=section.url or telnyx.URL, connection=section.connection)


def _key(section: CarrierSection, site_file: SiteFile) -> str:
    try:
        return read_secret(site_file.path.parent / section.key_file, "key")
    except UsageError as error:
        raise CarrierKeyError(error.what, where=error.where, do=error.do) from error
