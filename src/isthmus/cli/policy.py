"""`isthmus policy`: what people may do, and why it is so for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect, is_remote
from isthmus.cli.group import TenantOption, query, way_text
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_line, print_table
from isthmus.errors import UsageError
from isthmus.policy.kinds import KINDS, Value, kind_of
from isthmus.site import registry

app = typer.Typer(no_args_is_help=True)

KindArgument = Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The policy's name.")]
_Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SETTING=VALUE", help="May be repeated. See: isthmus policy kinds KIND"),
]
_Person = Annotated[str | None, typer.Option("--person", metavar="AOR", help="To one person.")]
_Group = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="To everybody in a group.")]
_HomeSite = Annotated[
    str | None, typer.Option("--home", metavar="SITE", help="To everybody who is at home at that site.")
]
_Everybody = Annotated[bool, typer.Option("--everybody", help="To the whole tenant.")]


@app.command("list", epilog="Examples:  isthmus policy list   |   isthmus policy list calling --json")
def list_policies(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help="Only of this kind.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List policies, and to whom they are granted."""
    with connect(site) as client:
        found = client.get("/v1/policies", kind=kind, tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (p["kind"], p["name"], _settings_text(p["settings"]), ", ".join(map(_grant_text, p["grants"])) or None)
        for p in found
    )
    print_table(("Kind", "Policy", "Settings", "Granted to"), rows, empty="No policies: every setting has its default.")


@app.command(epilog="Examples:  isthmus policy kinds   |   isthmus policy kinds calling")
def kinds(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help="Only this one.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the kinds of policy with their settings, what these take, and their defaults."""
    with connect(site) as client:
        found = [each for each in client.get("/v1/policies/kinds") if kind in (None, each["kind"])]
    if not found:
        kind_of(kind or "")
    if as_json:
        print_json(found)
        return
    rows = (
        (each["kind"], s["name"], s["form"].replace("`", ""), value_text(s["default"]), s["about"].replace("`", ""))
        for each in found
        for s in each["settings"]
    )
    print_table(("Kind", "Setting", "Takes", "Default", "Meaning"), rows)


@app.command(epilog="Example:  isthmus policy show calling interns")
def show(
    kind: KindArgument,
    name: NameArgument,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show one policy, and to whom it is granted."""
    with connect(site) as client:
        _print_policy(client.get(_path(kind, name), tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus policy create calling interns --set pstn_calls=domestic --set forwarding=no")
def create(
    kind: KindArgument,
    name: NameArgument,
    settings: _Settings = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create a policy. Settings that it does not name are left to the next that is granted, or the default."""
    body = {"kind": kind, "name": name, "settings": _parsed(kind, settings), "description": description}
    with connect(site) as client:
        _print_policy(client.post("/v1/policies", body, tenant=tenant), as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus policy set calling interns --set pstn_calls=none   |   "
    "isthmus policy set calling interns --unset forwarding",
)
def set_policy(
    kind: KindArgument,
    name: NameArgument,
    settings: _Settings = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="SETTING", help="Name it no more; may be repeated.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change a policy. It changes at once for everybody to whom it is granted."""
    if not settings and not unset and description is None:
        raise UsageError("nothing to change", do="See: isthmus policy set --help")
    body = {"settings": _parsed(kind, settings), "unset": unset or [], "description": description}
    with connect(site) as client:
        _print_policy(client.patch(query(_path(kind, name), tenant), body), as_json)


@app.command(epilog="Example:  isthmus policy delete calling interns")
def delete(
    kind: KindArgument,
    name: NameArgument,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Delete a policy that is granted to nobody."""
    with connect(site) as client:
        client.delete(query(_path(kind, name), tenant))
    print_done(f"The {kind} policy {name} is deleted.", {"kind": kind, "name": name, "deleted": True}, as_json)


@app.command(
    epilog="Examples:  isthmus policy grant calling interns --group interns --rank 10   |   "
    "isthmus policy grant calling standard --everybody"
)
def grant(
    kind: KindArgument,
    name: NameArgument,
    person: _Person = None,
    group: _Group = None,
    home: _HomeSite = None,
    everybody: _Everybody = False,
    rank: Annotated[
        int | None, typer.Option("--rank", help="Of a group: the lowest wins. By default 100.", show_default=False)
    ] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Grant a policy. It takes the place of the one of its kind that the same target had."""
    body = {"kind": kind, "policy": name, **_target(person, group, home, everybody), "rank": rank}
    with connect(site) as client:
        made = client.post("/v1/policies/grant", body, tenant=tenant)
    if as_json:
        print_json(made)
        return
    replaced = f", in place of {made['replaces']}" if made["replaces"] else ""
    print_line(f"The {kind} policy {name} is granted to {_grant_text(made)}{replaced}.")


@app.command(epilog="Example:  isthmus policy revoke calling --group interns")
def revoke(
    kind: KindArgument,
    person: _Person = None,
    group: _Group = None,
    home: _HomeSite = None,
    everybody: _Everybody = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take away what of this kind is granted to exactly this target."""
    body = {"kind": kind, **_target(person, group, home, everybody)}
    with connect(site) as client:
        client.post("/v1/policies/revoke", body, tenant=tenant)
    who = f"{body['level']} {body['target']}".strip()
    print_done(f"No {kind} policy is granted to {who} any more.", {**body, "revoked": True}, as_json)


@app.command(
    epilog="Examples:  isthmus policy explain alice@contoso.example   |   "
    "isthmus policy explain alice@contoso.example --kind calling --json"
)
def explain(
    aor: Annotated[str, typer.Argument(metavar="AOR", help="Address, as alice@contoso.example.")],
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only of this kind.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say which settings apply to a person and why, and which policies lost."""
    with connect(site) as client:
        found = client.get("/v1/policies/explain", aor=aor, kind=kind)
    if as_json:
        print_json(found)
        return
    rows = (
        (each["kind"], s["name"], value_text(s["value"]), _because(s["by"]), "; ".join(map(_lost, s["lost"])) or None)
        for each in found["kinds"]
        for s in each["settings"]
    )
    print_table(("Kind", "Setting", "Value", "Because of", "Beats"), rows)
    if not is_remote() and found["home"] != registry.find(site).site.name:
        print_line(
            f"{found['aor']} is at home at {found['home']}, whose policies are the ones that count: "
            f"isthmus --site {found['home']} policy explain {found['aor']}"
        )


def value_text(value: Value) -> str:
    """A setting's value as a person types it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)


def _parsed(kind: str, settings: Sequence[str] | None) -> dict[str, Value]:
    known = kind_of(kind)
    found: dict[str, Value] = {}
    for text in settings or ():
        name, sign, value = text.partition("=")
        if not sign:
            raise UsageError(f"{text!r} is not SETTING=VALUE", do=f"See: isthmus policy kinds {kind}")
        found[name.strip()] = known.setting(name.strip()).parsed(value.strip())
    return found


def _target(person: str | None, group: str | None, home: str | None, everybody: bool) -> dict[str, str]:
    given = {"person": person, "group": group, "site": home, "tenant": "" if everybody else None}
    chosen = [(level, target) for level, target in given.items() if target is not None]
    if len(chosen) != 1:
        raise UsageError("say to whom: --person, --group, --home or --everybody, one of them")
    return {"level": chosen[0][0], "target": chosen[0][1]}


def _path(kind: str, name: str) -> str:
    return f"/v1/policies/{quote(kind, safe='')}/{quote(name, safe='')}"


def _settings_text(settings: dict[str, Value]) -> str:
    return ", ".join(f"{name}={value_text(value)}" for name, value in settings.items()) or "-"


def _grant_text(grant: dict[str, Any]) -> str:
    rank = f" (rank {grant['rank']})" if grant["rank"] is not None else ""
    return f"{grant['level']} {grant['target']}{rank}"


def _because(by: dict[str, Any] | None) -> str:
    if by is None:
        return "default"
    way = f", by way of {way_text(by['way'][:-1])}" if len(by["way"]) > 1 else ""
    return f"{by['policy']}: {_grant_text(by)}{way}"


def _lost(lost: dict[str, Any]) -> str:
    return f"{value_text(lost['value'])} ({_because(lost)})"


def _print_policy(policy: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(policy)
        return
    print_fields(
        (
            ("Kind", policy["kind"]),
            ("Policy", policy["name"]),
            ("Description", policy["description"] or None),
            *((f"  {name}", value_text(value)) for name, value in policy["settings"].items()),
            *(("Granted to", _grant_text(grant)) for grant in policy.get("grants", ())),
            ("Tenant", policy["tenant"]),
        )
    )
