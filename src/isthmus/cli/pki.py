"""`isthmus pki`: the private CA and the certificates of the sites."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.output import JsonOption, print_json, print_line, print_table
from isthmus.errors import UsageError
from isthmus.pki import rules
from isthmus.pki.model import Certificate
from isthmus.pki.service import CertificateAuthority
from isthmus.site import certificates, registry
from isthmus.site.file import SiteFile, load

app = typer.Typer(no_args_is_help=True)

_Ca = Annotated[
    Path | None,
    typer.Option("--ca", help="Folder of the CA; by default the one in the site file.", show_default=False),
]
_Days = Annotated[
    int | None, typer.Option("--days", help="Lifetime in days; by default the site file's.", show_default=False)
]


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A folder for the new CA.", metavar="DIR")],
    name: Annotated[str, typer.Option("--name", help="The CA's name.")] = "Isthmus private CA",
    as_json: JsonOption = False,
) -> None:
    """Make a private CA in DIR. Whoever can read that folder can become any site.

    Example: isthmus pki init /root/isthmus-ca
    """
    ca = CertificateAuthority.create(directory, name)
    if as_json:
        print_json({"directory": str(directory), "not_after": ca.description.not_after.isoformat()})
    else:
        print_line(f"{directory}: a CA that is good until {_day(ca.description)}")


@app.command()
def issue(
    site_file: Annotated[Path, typer.Argument(help="The site's file.", metavar="SITE_FILE")],
    ca: _Ca = None,
    days: _Days = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a site's certificate, put it into the site's folder, and reload it where the site runs.

    Example: isthmus pki issue sites/premises/site.toml --ca /root/isthmus-ca --days 90
    """
    site = load(site_file)
    _tell([(site, _issue(site, ca, days), True)], as_json)


@app.command("list")
def show(ca: _Ca = None, as_json: JsonOption = False) -> None:
    """Show every certificate the CA has issued, the newest first.

    Example: isthmus pki list --json
    """
    issued = _authority(ca, None).issued()
    now = datetime.now(UTC)
    newest = {certificate.names.fqdn: certificate.serial for certificate in reversed(issued)}
    if as_json:
        print_json([_as_json(certificate, newest, now) for certificate in issued])
        return
    rows = []
    for certificate in issued:
        state = _as_json(certificate, newest, now)["state"]
        names = certificate.names
        rows.append((names.fqdn, ", ".join(names.addresses), _day(certificate), state, certificate.serial))
    print_table(("Name", "Addresses", "Until", "State", "Serial"), rows)


@app.command()
def renew(
    site_files: Annotated[
        list[Path] | None, typer.Argument(help="Site files; by default all sites here.", metavar="[SITE_FILE]...")
    ] = None,
    ca: _Ca = None,
    days: _Days = None,
    force: Annotated[bool, typer.Option("--force", help="Renew also what is not due.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Renew the certificates with a third of their lifetime or less to go, and reload them.

    Example: isthmus pki renew --force
    """
    sites = [load(path) for path in site_files] if site_files else [registry.find(n) for n in registry.names()]
    if not sites:
        registry.find()  # says that there are none, and what to do
    told: list[tuple[SiteFile, Certificate, bool]] = []
    try:
        for site in sites:
            certificate = certificates.current(site)
            now = datetime.now(UTC)
            if certificate and not force and not rules.renewal_due(certificate, certificates.wanted_names(site), now):
                told.append((site, certificate, False))
            else:
                told.append((site, _issue(site, ca, days), True))
    finally:
        _tell(told, as_json)  # what was done before one of them failed, too


def _issue(site: SiteFile, ca: Path | None, days: int | None) -> Certificate:
    return certificates.issue(site, _authority(ca, site), days=days)


def _tell(told: list[tuple[SiteFile, Certificate, bool]], as_json: bool) -> None:
    """Each site with its certificate, and whether that is a new one."""
    if as_json:
        now = datetime.now(UTC)
        print_json([{"site": site.site.name, "issued": new, **_facts(cert, now)} for site, cert, new in told])
        return
    for site, certificate, new in told:
        print_line(f"{site.site.name}: {site.site.fqdn if new else 'not due'}, good until {_day(certificate)}")


def _authority(folder: Path | None, site: SiteFile | None) -> CertificateAuthority:
    """The CA that was named, else the site file's. Raises UsageError, NotFoundError."""
    found = folder or (site or registry.find()).ca_dir
    if found is None:
        raise UsageError("which CA is meant?", do="Name its folder with --ca, or in [pki] ca_directory.")
    return CertificateAuthority.open(found)


def _as_json(certificate: Certificate, newest: dict[str, str], now: datetime) -> dict[str, object]:
    replaced = newest[certificate.names.fqdn] != certificate.serial
    return {**_facts(certificate, now), **({"state": "replaced"} if replaced else {})}


def _facts(certificate: Certificate, now: datetime) -> dict[str, object]:
    return {
        "name": certificate.names.fqdn,
        "addresses": list(certificate.names.addresses),
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "state": rules.expiry(certificate, now).value,
        "serial": certificate.serial,
    }


def _day(certificate: Certificate) -> str:
    return certificate.not_after.strftime("%Y-%m-%d %H:%M UTC")
