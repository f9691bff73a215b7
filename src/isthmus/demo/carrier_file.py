"""What the simulated carrier is told, in TOML:

address = "127.0.9.1"
log = "carrier.log"              # relative to this file, as the next one is
control = "carrier.sock"         # takes `call FROM TO`

[[site]]
name = "premises"
address = "127.0.1.1"

[[site]]
name = "online"
address = "127.0.2.1"

[[range]]
prefix = "+142555501"            # numbers that start so ...
sites = ["premises", "online"]   # ... are carried to the first of these, or else to the second

[shop]                           # the service's carrier, which sells numbers (carrier_shop.py)
address = "127.0.9.2"            # from where calls to what was sold come
port = 8080                      # of its API, at the address above all
token_file = "shop.token"        # what who buys has to show
site = "online"                  # where calls to what was sold are carried
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from isthmus.errors import UsageError
from isthmus.site.file import Name, Port


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CarrierSite(_Section):
    """A site that may call out through the carrier and be called."""

    name: Name
    address: str
    port: Port = 5060


class NumberRange(_Section):
    """Numbers of the organisation and the sites they are carried to, in order."""

    prefix: Annotated[str, Field(pattern=r"^\+[0-9]{1,15}$")]
    sites: Annotated[tuple[Name, ...], Field(min_length=1)]


class ShopSection(_Section):
    """The service's carrier."""

    address: str
    port: Port = 8080
    token_file: Path = Path("shop.token")
    site: Name


class CarrierFile(_Section):
    """The whole file."""

    address: str = "127.0.9.1"
    port: Port = 5060
    log: Path = Path("carrier.log")
    control: Path = Path("carrier.sock")
    ring_s: float = Field(default=1.0, ge=0, le=60)  # how long a number of the PSTN rings
    silence_s: float = Field(default=2.0, ge=0.2, le=30)  # a site that says nothing so long is passed over
    site: tuple[CarrierSite, ...] = ()
    range: tuple[NumberRange, ...] = ()
    shop: ShopSection | None = None
    path: Path = Field(default=Path("carrier.toml"), exclude=True)

    @model_validator(mode="after")
    def _known_sites(self) -> CarrierFile:
        known = {site.name for site in self.site}
        unknown = {name for numbers in self.range for name in numbers.sites} - known
        unknown |= {self.shop.site} - known if self.shop else set()
        if unknown:
            raise ValueError(f"no such site: {', '.join(sorted(unknown))}")
        return self

    @property
    def log_path(self) -> Path:
        """The log, absolute."""
        return (self.path.parent / self.log).resolve()

    @property
    def control_path(self) -> Path:
        """The control socket, absolute."""
        return (self.path.parent / self.control).resolve()

    def site_at(self, address: str) -> CarrierSite | None:
        """The site with this address."""
        return next((site for site in self.site if site.address == address), None)

    def way_to(self, number: str, source: CarrierSite | None) -> tuple[CarrierSite, ...]:
        """The sites to try for a number, the one it came from left out unless it is the only one.

        The longest prefix wins. Empty: the number is not the organisation's.
        """
        matching = [numbers for numbers in self.range if number.startswith(numbers.prefix)]
        if not matching:
            return ()
        names = max(matching, key=lambda numbers: len(numbers.prefix)).sites
        sites = tuple(next(site for site in self.site if site.name == name) for name in names)
        return tuple(site for site in sites if site != source) or sites


def load(path: Path) -> CarrierFile:
    """Read and check the carrier's file. Raises UsageError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return CarrierFile.model_validate({**raw, "path": path.resolve()})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the carrier's file can't be read ({error})", where=str(path)) from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in error.errors()
        )
        raise UsageError(faults, where=str(path)) from error
