"""`isthmus licence`: which features people have, and how many of them there can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption, query, way_text
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_line, print_table
from isthmus.errors import UsageError

app = typer.Typer(no_args_is_help=True)

PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="As `isthmus licence list` names it.")]
_People = Annotated[
    list[str] | None, typer.Argument(metavar="AOR...", help="People, as alice@contoso.example.", show_default=False)
]
_Groups = Annotated[
    list[str] | None, typer.Option("--group", metavar="GROUP", help="Everybody in a group; may be repeated.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say who would gain and lose what.")]


@app.command("list", epilog="Examples:  isthmus licence list   |   isthmus --site online licence list --json")
def list_plans(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List plans, how many licences there are, and how many are in use."""
    with connect(site) as client:
        found = client.get("/v1/licences", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            plan["name"],
            plan["count"] if plan["given"] else None,
            *((plan[name] if plan["given"] else None) for name in ("held", "free", "waiting")),
            ", ".join(plan["features"]),
        )
        for plan in found
    )
    print_table(("Plan", "Licences", "In use", "Free", "People waiting", "Features"), rows)
    if not any(plan["given"] for plan in found):
        print_line("No plan has a count: licences are not asked for at this site.")


@app.command(epilog="Examples:  isthmus licence show phone-system   |   isthmus licence show alice@contoso.example")
def show(
    what: Annotated[str, typer.Argument(metavar="PLAN|AOR", help="A plan, or a person.")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show a plan and who has it, or a person and what they have."""
    with connect(site) as client:
        if "@" in what:
            found = client.get(f"/v1/licences/of/{quote(what, safe='@')}")
        else:
            found = client.get(_path(what), tenant=tenant)
    if as_json:
        print_json(found)
    elif "@" in what:
        _print_person(found)
    else:
        _print_plan(found)


@app.command(
    "set",
    epilog="Examples:  isthmus licence set phone-system --count 500   |   "
    "isthmus licence set frontline --count 50 --feature messaging --feature phone-system",
)
def set_plan(
    plan: PlanArgument,
    count: Annotated[int | None, typer.Option("--count", help="How many licences there are.")] = None,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", help="What it gives; may be repeated, and names all of it.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Even though people lose something.")] = False,
    dry_run: _DryRun = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say how many licences of a plan there are, or make a plan. The first count makes the site ask for licences."""
    if count is None and feature is None and description is None:
        raise UsageError("nothing to change", do="See: isthmus licence set --help")
    body = {"count": count, "features": feature, "description": description, "force": force, "dry_run": dry_run}
    with connect(site, timeout_s=None) as client:
        _print_effect(client.put(query(_path(plan), tenant), body), as_json)


@app.command(epilog="Example:  isthmus licence delete frontline")
def delete(
    plan: PlanArgument, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None
) -> None:
    """Give up a plan that is assigned to nobody. Without the last one licences are asked for no more."""
    with connect(site) as client:
        client.delete(query(_path(plan), tenant))
    print_done(f"{plan} is deleted.", {"plan": plan, "deleted": True}, as_json)


@app.command(
    epilog="Examples:  isthmus licence assign phone-system alice@contoso.example   |   "
    "isthmus licence assign meetings --group sales --dry-run"
)
def assign(
    plan: PlanArgument,
    aors: _People = None,
    group: _Groups = None,
    dry_run: _DryRun = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Give a plan to people and groups: to all of them or nobody. Refused when there are not enough licences."""
    _assign("assign", plan, aors, group, dry_run, tenant, as_json, site)


@app.command(
    epilog="Examples:  isthmus licence unassign phone-system alice@contoso.example   |   "
    "isthmus licence unassign meetings --group sales --dry-run"
)
def unassign(
    plan: PlanArgument,
    aors: _People = None,
    group: _Groups = None,
    dry_run: _DryRun = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take a plan away from people and groups. Who has another reason for it keeps it."""
    _assign("unassign", plan, aors, group, dry_run, tenant, as_json, site)


@app.command(
    epilog="Examples:  isthmus licence check   |   isthmus licence check --dry-run --count phone-system=200",
)
def check(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="What if there were so many: see --count.")] = False,
    count: Annotated[
        list[str] | None, typer.Option("--count", metavar="PLAN=N", help="With --dry-run; may be repeated.")
    ] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Say who waits for a licence, or would lose one. Exit 1 when somebody does."""
    if dry_run != bool(count):
        raise UsageError("--dry-run and --count belong together", do="Example: --dry-run --count phone-system=200")
    counts = dict(_counted(text) for text in count or ())
    with connect(site, timeout_s=None) as client:
        if dry_run:
            effects = [
                client.put(query(_path(plan), tenant), {"count": n, "dry_run": True}) for plan, n in counts.items()
            ]
            _print_effects(effects, as_json)
            raise typer.Exit(1 if any(effect["loses"] or effect["waits"] for effect in effects) else 0)
        short = client.get("/v1/licences/check", tenant=tenant)
    if as_json:
        print_json(short)
    else:
        rows = (
            (plan["name"], person["aor"], ", ".join(plan["features"]), person["place"])
            for plan in short
            for person in plan["people"]
            if not person["holds"]
        )
        print_table(("Plan", "Waits for it", "Features", "Place"), rows, empty="There are licences for everybody.")
        for plan in short:
            need = plan["count"] + plan["waiting"]
            print_line(f"{plan['name']}: {plan['waiting']} wait. isthmus licence set {plan['name']} --count {need}")
    raise typer.Exit(1 if short else 0)


def _assign(
    what: str,
    plan: str,
    aors: Sequence[str] | None,
    groups: Sequence[str] | None,
    dry_run: bool,
    tenant: str | None,
    as_json: bool,
    site: str | None,
) -> None:
    if not aors and not groups:
        raise UsageError("nobody is named", do=f"See: isthmus licence {what} --help")
    body = {"people": list(aors or ()), "groups": list(groups or ()), "dry_run": dry_run}
    with connect(site, timeout_s=None) as client:
        _print_effect(client.post(f"{_path(plan)}/{what}", body, tenant=tenant), as_json)


def _counted(text: str) -> tuple[str, int]:
    plan, sign, number = text.partition("=")
    if not sign or not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise UsageError(f"{text!r} is not PLAN=N", do="Example: --count phone-system=200")
    return plan, int(number)


def _path(plan: str) -> str:
    return f"/v1/licences/{quote(plan, safe='')}"


def _print_effect(effect: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(effect)
    else:
        _print_effects([effect], as_json)


def _print_effects(effects: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(effects)
        return
    rows = [
        (effect["plan"], aor, sign, ", ".join(features))
        for effect in effects
        for sign, name in (("loses", "loses"), ("gains", "gains"))
        for aor, features in effect[name].items()
    ]
    rows += [(effect["plan"], aor, "waits", "") for effect in effects for aor in effect["waits"]]
    print_table(("Plan", "Person", "Effect", "Features"), rows, empty="Nobody gains or loses anything.")
    if any(effect["dry_run"] for effect in effects):
        print_line("Nothing was changed.")


def _print_plan(plan: dict[str, Any]) -> None:
    print_fields(
        (
            ("Plan", plan["name"]),
            ("Description", plan["description"] or None),
            ("Features", ", ".join(plan["features"])),
            ("Licences", plan["count"] if plan["given"] else "none at this site"),
            ("In use", plan["held"]),
            ("People waiting", plan["waiting"]),
            *(("Assigned to", f"{each['level']} {each['target']}") for each in plan["assigned"]),
            ("Tenant", plan["tenant"]),
        )
    )
    if plan["people"]:
        print_line("")
        rows = ((each["place"], each["aor"], "has it" if each["holds"] else "waits") for each in plan["people"])
        print_table(("Place", "Person", ""), rows)


def _print_person(found: dict[str, Any]) -> None:
    rows = (
        (each["plan"], "has it" if each["holds"] else "waits", "; ".join(map(_reason, each["ways"])), each["place"])
        for each in found["plans"]
    )
    print_table(("Plan", "", "Because of", "Place"), rows, empty=f"Nothing is assigned to {found['aor']}.")
    if not found["asked"]:
        print_line("No plan has a count: licences are not asked for at this site, and every feature is there.")
        return
    for feature, plans in found["features"].items():
        print_line(f"{feature}: by {', '.join(plans)}")


def _reason(way: Sequence[str]) -> str:
    return (
        "assigned by name"
        if not way
        else f"group {way[-1]}" + (f", by way of {way_text(way[:-1])}" if len(way) > 1 else "")
    )
