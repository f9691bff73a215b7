"""Lays out the demo's folder: CA, certificates, site files, the carrier's file, accounts.

What is there already is kept, so that a second start takes no time and changes made by hand stay.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from isthmus.demo import accounts as account_file
from isthmus.demo.accounts import Account
from isthmus.demo.plan import CARRIER, SHOP_KEY, Plan, PlannedSite, carrier_toml, people_csv, site_toml
from isthmus.errors import NotFoundError, UsageError
from isthmus.pki import rules
from isthmus.pki.service import CertificateAuthority
from isthmus.pki.store import describe, parse_certificate, private_folder, write_private
from isthmus.site import internal
from isthmus.site.file import SiteFile, load

_CERTIFICATE_DAYS = 365
_ELSEWHERE = "Name a new folder, or leave --directory out for var/demo."


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is laid out and can be started.

    fresh_passwords: whether passwords were made just now, so that people who exist need theirs set anew.
    """

    plan: Plan
    directory: Path
    sites: tuple[SiteFile, ...]
    accounts: tuple[Account, ...]
    fresh_passwords: bool

    @property
    def accounts_path(self) -> Path:
        """Where the accounts are for a person to read."""
        return accounts_path(self.directory)

    @property
    def authority(self) -> SiteFile:
        """The site whose directory takes changes. Raises UsageError when the files name none."""
        for site in self.sites:
            if site.site.authority:
                return site
        raise UsageError(
            "none of the demo's site files says authority = true",
            where=str(self.directory),
            do=f"{self.plan.authority.name}/site.toml must, and only that one.",
        )

    @property
    def people_file(self) -> Path:
        """The directory of people that the authority's source reads."""
        return self.directory / "people.csv"

    @property
    def carrier_file(self) -> Path:
        """What the simulated carrier is told."""
        return self.directory / CARRIER / "carrier.toml"


def accounts_path(directory: Path) -> Path:
    """Where a demo in `directory` keeps its accounts."""
    return directory / "accounts.json"


def provision(plan: Plan, directory: Path) -> Demo:
    """Lay out what is missing under `directory` and read the rest.

    Raises UsageError for a broken site file, accounts file or CA, and where nothing can be written.
    """
    _refuse_others_folder(plan, directory)
    private_folder(directory)
    authority = _certificate_authority(directory / "ca")
    sites = tuple(_site(plan, site, directory) for site in plan.sites)
    for site in sites:
        private_folder(site.state_dir)
        _certify(authority, site)
    accounts, fresh = account_file.read_or_make(accounts_path(directory), plan)
    demo = Demo(plan, directory, sites, tuple(accounts), fresh)
    token = demo.carrier_file.parent / SHOP_KEY
    if plan.service_address and not token.exists():
        write_private(token, secrets.token_urlsafe(24).encode())
    if not demo.carrier_file.exists():
        write_private(demo.carrier_file, carrier_toml(plan).encode())
    if not demo.people_file.exists():
        write_private(demo.people_file, people_csv(plan).encode())
    return demo


def existing(plan: Plan, directory: Path) -> Demo:
    """The demo as it was laid out earlier; nothing is written. Raises NotFoundError when it never was."""
    paths = [directory / site.name / "site.toml" for site in plan.sites]
    if not all(path.exists() for path in (*paths, accounts_path(directory))):
        raise NotFoundError("there is no demo yet", where=str(directory), do="`make run` makes one.")
    accounts, _ = account_file.read_or_make(accounts_path(directory), plan)
    return Demo(plan, directory, tuple(load(path) for path in paths), tuple(accounts), fresh_passwords=False)


def _refuse_others_folder(plan: Plan, directory: Path) -> None:
    """A folder with other things in it must not be closed to those who use it. Raises UsageError."""
    ours = {"ca", CARRIER, "run", "log", "accounts.json", *(site.name for site in plan.sites)}
    try:
        found = {path.name for path in directory.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"the demo can't live here ({error.strerror})", where=str(directory), do=_ELSEWHERE) from error
    if found and not found & ours:
        raise UsageError("the folder holds other things than a demo", where=str(directory), do=_ELSEWHERE)


def _certificate_authority(folder: Path) -> CertificateAuthority:
    if (folder / "ca.key").exists():
        return CertificateAuthority.open(folder)
    return CertificateAuthority.create(folder, "Isthmus demo CA")


def _site(plan: Plan, site: PlannedSite, directory: Path) -> SiteFile:
    path = directory / site.name / "site.toml"
    if not path.exists():
        write_private(path, site_toml(plan, site).encode())
    return load(path)


def _certify(authority: CertificateAuthority, site: SiteFile) -> None:
    """Issue the site's certificate where there is none of this CA, or where it is time for a new one."""
    certificate, ca = internal.site_certificate(site), internal.ca_certificate(site)
    names = rules.certificate_names(site.site.fqdn, site.site.address)
    if certificate.exists() and ca.exists() and ca.read_bytes() == authority.pem:
        current = describe(parse_certificate(certificate.read_bytes(), str(certificate)))
        if not rules.renewal_due(current, names, datetime.now(UTC)):
            return
    write_private(ca, authority.pem)
    write_private(certificate, authority.issue(names, _CERTIFICATE_DAYS))
