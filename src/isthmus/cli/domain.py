"""`isthmus domain`: the domains of a tenant, and the proof that they are its own."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, moment, print_done, print_fields, print_json, print_table

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Whose; by default one's own, or the site's.")]


@app.command("list", epilog="Example:  isthmus domain list --tenant fabrikam")
def list_domains(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the domains of a tenant."""
    with connect(site) as client:
        found = client.get("/v1/domains", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (each["name"], each["tenant"], each["verified_by"] or "not verified", moment(each["verified_at"]))
        for each in found
    )
    print_table(("Domain", "Tenant", "Verified by", "Since"), rows, empty="The tenant has no domains.")


@app.command(epilog="Example:  isthmus domain show fabrikam.example --tenant fabrikam")
def show(domain: Name, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a domain, and the DNS record that proves it while it is not verified."""
    with connect(site) as client:
        _print(client.get(_path(domain), tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus domain add fabrikam.example --tenant fabrikam")
def add(domain: Name, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Claim a domain for a tenant. It can be used once it is verified."""
    with connect(site) as client:
        _print(client.post("/v1/domains", {"name": domain}, tenant=tenant), as_json)


@app.command(
    epilog="Examples:  isthmus domain verify fabrikam.example --tenant fabrikam   |   "
    "isthmus domain verify fabrikam.example --tenant fabrikam --by-operator"
)
def verify(
    domain: Name,
    tenant: TenantOption = None,
    by_operator: Annotated[bool, typer.Option("--by-operator", help="Vouch for it instead of asking the DNS.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Look for the domain's DNS record; with it there the domain can be used."""
    with connect(site) as client:
        how = "approve" if by_operator else "verify"
        _print(client.post(f"{_path(domain)}/{how}", tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus domain remove fabrikam.example --tenant fabrikam")
def remove(domain: Name, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Give a domain up, in which nobody has an address."""
    with connect(site) as client:
        client.delete(_path(domain), tenant=tenant)
    print_done(f"removed domain {domain}", {"removed": domain}, as_json)


def _path(domain: str) -> str:
    return f"/v1/domains/{quote(domain, safe='')}"


def _print(domain: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(domain)
        return
    fields: list[tuple[str, object]] = [
        ("Domain", domain["name"]),
        ("Tenant", domain["tenant"]),
        ("Verified by", domain["verified_by"] or "not verified"),
        ("Since", moment(domain["verified_at"])),
    ]
    if record := domain["record"]:
        fields += [("Add to the DNS", f'{record["name"]} {record["type"]} "{record["value"]}"')]
    if domain["trouble"]:
        fields += [("Last look", f"{moment(domain['checked'])}: {domain['trouble']}")]
    print_fields(fields)
