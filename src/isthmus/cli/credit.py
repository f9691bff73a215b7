"""`isthmus credit`: what calls by carriers are paid from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from isthmus.cli.client import connect
from isthmus.cli.group import TenantOption
from isthmus.cli.output import JsonOption, SiteOption, moment, print_fields, print_json, print_table
from isthmus.plans.wire import parse_money

app = typer.Typer(no_args_is_help=True)

_LAST = 5


@app.command(epilog="Example:  isthmus credit show --tenant contoso")
def show(tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a tenant's credit, and what was added last."""
    with connect(site) as client:
        _print(client.get("/v1/credit", tenant=tenant), as_json)


@app.command(
    epilog="Examples:  isthmus credit add 50 USD --tenant contoso   |   isthmus credit add --note refund -- -12.50 USD"
)
def add(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="As 50 or 12.50; with - it is taken back.")],
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="As USD (ISO 4217).")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What for.")] = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Add credit, or take some back. Calls that were refused for want of it go at once."""
    parse_money(amount)
    body = {"amount": amount, "currency": currency.upper(), "what": note}
    with connect(site) as client:
        _print(client.post("/v1/credit", body, tenant=tenant), as_json)


@app.command(
    epilog="Examples:  isthmus credit charges   |   isthmus credit charges --month 2026-11 --limit 1000 --json"
)
def charges(
    month: Annotated[str | None, typer.Option("--month", metavar="MONTH", help="As 2026-11; by default this.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List what a month's calls were charged, the newest first."""
    with connect(site) as client:
        found = client.get("/v1/credit/charges", month=month, limit=limit, tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            moment(each["began"]),
            each["caller"],
            each["number"],
            each["plan"],
            each["bucket"].removeprefix("group:"),
            f"{each['counted_s']} s",
            f"{each['plan_s']} s",
            f"{each['credit']} {each['currency'] or ''}".strip(),
        )
        for each in found
    )
    columns = ("Began", "Caller", "Number", "Plan", "Calls", "Counts", "By the plan", "By credit")
    print_table(columns, rows, empty="No call was charged.")


def _print(credit: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(credit)
        return
    left = f" ({credit['left_percent']:g} % of the last)" if credit["left_percent"] is not None else ""
    added = (
        f"{moment(each['at'])}: {each['amount']} {each['currency']} {each['what'] or ''}".rstrip()
        for each in credit["deposits"][:_LAST]
    )
    print_fields(
        [
            ("Tenant", credit["tenant"]),
            ("Credit", f"{credit['balance']} {credit['currency'] or ''}".strip() + left),
            ("Added", "; ".join(added) or None),
        ]
    )
