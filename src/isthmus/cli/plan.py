"""`isthmus plan`: calling plans and who has them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Aor
from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption, query
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_table
from isthmus.errors import NotFoundError, UsageError
from isthmus.plans.model import WhenSpent

app = typer.Typer(no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")]
_People = Annotated[list[str] | None, typer.Argument(metavar="[AOR]...", help="People, as carol@contoso.example.")]
_Groups = Annotated[list[str] | None, typer.Option("--group", metavar="GROUP", help="A group; may be repeated.")]
_Licences = Annotated[
    list[str] | None,
    typer.Option("--licence", metavar="PLAN", help="Whoever holds one of `isthmus licence list`; may be repeated."),
]
_Minutes = "minutes a month, or `unlimited`"
_UNLIMITED, _ANY = "unlimited", "any"
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say who would have another plan.")]


@app.command("list", epilog="Example:  isthmus plan list --site online")
def list_plans(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the calling plans of a site."""
    with connect(site) as client:
        found = client.get("/v1/plans", tenant=tenant)
    if as_json:
        print_json(found)
        return
    columns = ("Plan", "Home", "Domestic", "International", "Groups", "Shared", "Then", "People")
    rows = (
        (
            each["name"],
            " ".join(each["home"]),
            _minutes(each["domestic"]),
            _minutes(each["international"]),
            ", ".join(f"{g['name']} {_minutes(g['minutes'])}" for g in each["groups"]) or None,
            "yes" if each["pooled"] else "no",
            each["when_spent"],
            each["holders"] if each["most"] is None else f"{each['holders']} of {each['most']}",
        )
        for each in found
    )
    print_table(columns, rows, empty="There are no calling plans.")


@app.command(epilog="Examples:  isthmus plan show team   |   isthmus plan show carol@contoso.example")
def show(
    what: Annotated[str, typer.Argument(metavar="PLAN|AOR", help="A plan, or a person.")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show a plan and who has it, or a person's plan and by which group or licence they have it."""
    with connect(site) as client:
        if "@" in what:
            _print_person(client.get(f"/v1/plans/of/{quote(what, safe='@')}"), as_json)
        else:
            _print(client.get(_path(what), tenant=tenant), as_json)


@app.command(
    "set",
    epilog="Examples:  isthmus plan set team --home US --domestic 3000 --international 600   |   "
    "isthmus plan set eu --home DE --domestic unlimited --group europe=FR,GB,IT:500 --then credit --shared",
)
def set_plan(
    plan: _Name,
    home: Annotated[
        list[str] | None, typer.Option("--home", metavar="CODE", help="A country that is domestic, as US.")
    ] = None,
    domestic: Annotated[str | None, typer.Option("--domestic", metavar="MINUTES", help=f"Domestic {_Minutes}.")] = None,
    international: Annotated[
        str | None, typer.Option("--international", metavar="MINUTES", help=f"All other {_Minutes}.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", metavar="NAME=CODES:MINUTES", help="Countries with their own minutes; `none`: no such."
        ),
    ] = None,
    shared: Annotated[
        bool | None, typer.Option("--shared/--each", help="Whether all share the minutes of all of them.")
    ] = None,
    then: Annotated[
        WhenSpent | None, typer.Option("--then", help="What becomes of calls when the minutes are used up.")
    ] = None,
    increment: Annotated[
        int | None, typer.Option("--increment", metavar="SECONDS", help="Calls count in whole ones of these.")
    ] = None,
    most: Annotated[
        str | None, typer.Option("--most", metavar="COUNT", help="For how many people at most; `any`: without end.")
    ] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Make a plan, or change some of it."""
    given: dict[str, Any] = {
        "home": home,
        "domestic": None if domestic is None else _parsed(domestic),
        "international": None if international is None else _parsed(international),
        "groups": None if group is None else [] if group == ["none"] else [_group(each) for each in group],
        "pooled": shared,
        "when_spent": then and then.value,
        "increment_s": increment,
        "most": None if most is None or most == _ANY else _counting(most),
    }
    # Unlimited is null, which is not the same as not said.
    said = {name: value for name, value in given.items() if value is not None}
    said |= {
        name: None for name, text in (("domestic", domestic), ("international", international)) if text == _UNLIMITED
    }
    said |= {"most": None} if most == _ANY else {}
    with connect(site) as client:
        try:
            before = client.get(_path(plan), tenant=tenant)
        except NotFoundError:
            before = {}
        kept = {name: before[name] for name in given if name in before}
        if not kept and not home:
            raise UsageError("a new plan needs the country that is domestic", do="Example: --home US")
        _print(client.put(query(_path(plan), tenant), {**kept, **said}), as_json)


@app.command(epilog="Example:  isthmus plan delete team")
def delete(plan: _Name, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Delete a plan that nobody has."""
    with connect(site) as client:
        client.delete(_path(plan), tenant=tenant)
    print_done(f"The plan {plan} is deleted.", {"deleted": plan}, as_json)


@app.command(
    epilog="Examples:  isthmus plan assign team carol@contoso.example dave@contoso.example   |   "
    "isthmus plan assign team --group sales --rank 10   |   isthmus plan assign team --licence calling-plan"
)
def assign(
    plan: _Name,
    people: _People = None,
    group: _Groups = None,
    licence: _Licences = None,
    rank: Annotated[
        int, typer.Option("--rank", min=0, help="Of groups and licences: of several that somebody has the lowest wins.")
    ] = 0,
    dry_run: _DryRun = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Give a plan to people, groups and whoever holds a licence, instead of any other that they have. One given by name
    comes first."""
    body = {**_named(people, group, licence), **({"rank": rank} if group or licence else {})}
    with connect(site) as client:
        if dry_run:
            _print_preview(client.post(f"{_path(plan)}/preview", body, tenant=tenant), as_json)
            return
        done = client.post(f"{_path(plan)}/assign", body, tenant=tenant)
    told = {"people": done, "groups": group or [], "licences": licence or []}
    print_done(f"{_counted(people, group, licence, 'has', 'have')} {plan}.", told, as_json)


@app.command(
    epilog="Examples:  isthmus plan unassign team carol@contoso.example   |   isthmus plan unassign team --group sales"
)
def unassign(
    plan: _Name,
    people: _People = None,
    group: _Groups = None,
    licence: _Licences = None,
    dry_run: _DryRun = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take their plan from people, groups and licences. Who has one by another of these has that from then on."""
    body = _named(people, group, licence)
    with connect(site) as client:
        if dry_run:
            _print_preview(client.post(f"{_path(plan)}/preview", {**body, "take": True}, tenant=tenant), as_json)
            return
        client.post(f"{_path(plan)}/unassign", body, tenant=tenant)
    said = f"{_counted(people, group, licence, 'has', 'have')} {plan} no more."
    print_done(said, {"unassigned": people or [], "groups": group or [], "licences": licence or []}, as_json)


@app.command(
    epilog="Examples:  isthmus plan people team   |   isthmus plan people team --match anna   |   "
    "isthmus plan people team --after carol@contoso.example"
)
def people(
    plan: _Name,
    match: Annotated[str | None, typer.Option("--match", help="Part of a name, an address or a number.")] = None,
    after: Annotated[str | None, typer.Option("--after", metavar="AOR", help="Who stands behind this one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many to list at most.")] = 100,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List who has a plan, by what, and what they used of it this month."""
    with connect(site) as client:
        found = client.get(f"{_path(plan)}/people", match=match, after=after, limit=limit, tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = ((each["aor"], each["display_name"], _by(each), "; ".join(map(_used, each["uses"]))) for each in found)
    print_table(("Person", "Name", "Has it", "Used"), rows, empty="Nobody here has the plan.")


@app.command(
    epilog="Examples:  isthmus plan usage   |   isthmus plan usage --month 2026-11 --json   |   "
    "isthmus plan usage --together"
)
def usage(
    month: Annotated[str | None, typer.Option("--month", metavar="MONTH", help="As 2026-11; by default this.")] = None,
    together: Annotated[bool, typer.Option("--together", help="Of each plan what all who have it used.")] = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show what is used of a month's minutes (UTC)."""
    with connect(site) as client:
        found = client.get("/v1/credit/usage", month=month, together=together or None, tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["plan"],
            "all of them" if each["whose"] == "*" else each["whose"],
            each["bucket"].removeprefix("group:"),
            f"{each['used_minutes']:g}",
            _minutes(each["limit_minutes"]),
        )
        for each in found["uses"]
    )
    print_table(("Plan", "Who", "Calls", "Used", "Of"), rows, empty="Nobody has a calling plan.")


@app.command(
    epilog="Examples:  isthmus plan settings   |   isthmus plan settings --block KP --block CU   |   "
    "isthmus plan settings --block none --end-calls"
)
def settings(
    block: Annotated[
        list[str] | None,
        typer.Option("--block", metavar="CODE", help="A country that nobody calls; `none`: all may be called."),
    ] = None,
    end_calls: Annotated[
        bool | None,
        typer.Option("--end-calls/--let-calls", help="Whether calls that are up end when what pays for them ends."),
    ] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show what a tenant says of its calls by carriers, or change it."""
    body: dict[str, Any] = {}
    if block is not None:
        body["blocked"] = [] if block == ["none"] else block
    if end_calls is not None:
        body["end_calls"] = end_calls
    with connect(site) as client:
        if body:
            found = client.patch(query("/v1/credit/settings", tenant), body)
        else:
            found = client.get("/v1/credit/settings", tenant=tenant)
    if as_json:
        print_json(found)
        return
    print_fields(
        [("Blocked", " ".join(found["blocked"]) or None), ("Calls end", "yes" if found["end_calls"] else "no")]
    )


def _named(people: list[str] | None, group: list[str] | None, licence: list[str] | None) -> dict[str, Any]:
    if not people and not group and not licence:
        raise UsageError("nobody is named", do="Give people, --group, or --licence.")
    return {"people": [str(Aor.parse(each)) for each in people or ()], "groups": group or [], "licences": licence or []}


def _counted(people: list[str] | None, group: list[str] | None, licence: list[str] | None, one: str, many: str) -> str:
    named = ((people, "person", "people"), (group, "group", "groups"), (licence, "licence", "licences"))
    said = [f"{len(each)} {name if len(each) == 1 else names}" for each, name, names in named if each]
    return f"{' and '.join(said)} {one if sum(len(each or ()) for each, _, _ in named) == 1 else many}"


def _minutes(value: int | None) -> str:
    return _UNLIMITED if value is None else str(value)


def _parsed(text: str) -> int | None:
    if text == _UNLIMITED:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise UsageError(f"{text[:20]!r} are no minutes", do=f"Write a whole number, or `{_UNLIMITED}`.")
    return int(text)


def _counting(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise UsageError(f"{text[:20]!r} is no number of people", do=f"Write a whole number, or `{_ANY}`.")
    return int(text)


def _group(text: str) -> dict[str, Any]:
    """`europe=FR,GB:500`."""
    name, _, rest = text.partition("=")
    codes, _, minutes = rest.partition(":")
    if not name or not codes or not minutes:
        raise UsageError(f"{text[:60]!r} is no group of countries", do="Write it as europe=FR,GB,IT:500.")
    return {"name": name, "countries": codes.split(","), "minutes": _parsed(minutes)}


def _path(plan: str) -> str:
    return f"/v1/plans/{quote(plan, safe='')}"


def _print(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    groups = (f"{g['name']}: {' '.join(g['countries'])}, {_minutes(g['minutes'])}" for g in plan["groups"])
    print_fields(
        [
            ("Plan", plan["name"]),
            ("Tenant", plan["tenant"]),
            ("Home", " ".join(plan["home"])),
            ("Domestic minutes", _minutes(plan["domestic"])),
            ("International minutes", _minutes(plan["international"])),
            ("Groups", "; ".join(groups) or None),
            ("Shared", "yes" if plan["pooled"] else "no"),
            ("When used up", plan["when_spent"]),
            ("Calls count in", f"{plan['increment_s']} s"),
            ("For at most", plan["most"]),
            ("Given to", ", ".join(_giving(each) for each in plan["given"]) or None),
            ("People", " ".join(_with_reason(each, plan) for each in plan["people"]) or None),
            ("Wait for it", " ".join(plan["waiting"]) or None),
        ]
    )


def _with_reason(aor: str, plan: dict[str, Any]) -> str:
    by = {"group": plan["by_group"].get(aor), "licence": plan["by_licence"].get(aor)}
    return aor if by == {"group": None, "licence": None} else f"{aor} ({_by(by)})"


def _by(found: dict[str, Any]) -> str:
    """By which group or licence somebody has a plan."""
    what = "group" if found["group"] else "licence"
    return f"by {what} {found[what]}" if found[what] else "by name"


def _giving(given: dict[str, Any]) -> str:
    what = "group" if given["group"] else "licence"
    return f"{what} {given[what]} (rank {given['rank']})"


def _used(use: dict[str, Any]) -> str:
    return f"{use['bucket'].removeprefix('group:')} {use['used_minutes']:g} of {_minutes(use['limit_minutes'])}"


def _print_preview(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = ((each["aor"], _holding(each["before"]), _holding(each["after"])) for each in found["people"])
    print_table(("Person", "Now", "Then"), rows, empty="Nobody would have another plan.")
    if found["count"] > len(found["people"]):
        print(f"And {found['count'] - len(found['people'])} more.")


def _holding(held: dict[str, Any] | None) -> str | None:
    return f"{held['plan']}, {_by(held)}" if held else None


def _print_person(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_fields(
        [
            ("Person", found["aor"]),
            ("Plan", f"{found['plan']}, {_by(found)}" if found["plan"] else None),
            ("Given by", ", ".join(f"{each['plan']}: {_giving(each)}" for each in found["given"]) or None),
            ("Used", "; ".join(_used(each) for each in found["uses"] if each["whose"] != "*") or None),
            ("All together", "; ".join(_used(each) for each in found["uses"] if each["whose"] == "*") or None),
        ]
    )
