"""`isthmus activity`: what is out of the usual, what is usual, and how to stop it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.activity.model import State
from isthmus.addressing import barring
from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_line, print_table

app = typer.Typer(no_args_is_help=True)

AlertArgument = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id, as `alerts` lists it.")]
PersonArgument = Annotated[
    str, typer.Argument(metavar="AOR", help="Address, as alice@contoso.example, or account:NAME.")
]
NetworkArgument = Annotated[str, typer.Argument(metavar="NETWORK", help="As 203.0.113.0/24.")]
_BLOCKS = "account, network:PREFIX, calls:pstn, calls:international or calls:premium"


@app.command(
    epilog="Examples:  isthmus activity alerts   |   isthmus activity alerts --state false-alarm --json   |   "
    "isthmus activity alerts --subject alice@contoso.example"
)
def alerts(
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="open, confirmed, false-alarm, or all.")
    ] = "open",
    subject: Annotated[str | None, typer.Option("--subject", metavar="ACCOUNT", help="Only about this one.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List alerts, those that went on last first."""
    if state != "all" and state not in {each.value for each in State}:
        raise typer.BadParameter("is open, confirmed, false-alarm or all", param_hint="--state")
    with connect(site) as client:
        found = client.get("/v1/activity/alerts", state=None if state == "all" else state, subject=subject, limit=limit)
    if as_json:
        print_json(found)
        return
    columns = ("Alert", "Last", "Severity", "State", "What, and what is usual")
    rows = ((a["id"], _time(a["last"]), a["severity"], a["state"], a["summary"]) for a in found)
    print_table(columns, rows, empty="No alerts." if state == "all" else f"No alerts that are {state}.")


@app.command(epilog="Examples:  isthmus activity show 6f0a1b2c3d   |   isthmus activity show alice@contoso.example")
def show(
    what: Annotated[str, typer.Argument(metavar="ALERT|ACCOUNT", help="An alert's id, or an account.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show an alert with its evidence and what would stop it; of an account all of its alerts."""
    if "@" in what or ":" in what:
        alerts(state="all", subject=what, limit=100, as_json=as_json, site=site)
        return
    with connect(site) as client:
        alert = client.get(f"/v1/activity/alerts/{quote(what, safe='')}")
    if as_json:
        print_json(alert)
        return
    judged = f"{alert['state']}, by {alert['judged_by']}" if alert["judged_by"] else alert["state"]
    print_fields(
        [
            ("Alert", alert["id"]),
            ("About", alert["subject"]),
            ("Rule", alert["rule"]),
            ("Severity", alert["severity"]),
            ("State", judged),
            ("What", alert["now"]),
            ("Usual", alert["usual"]),
            ("From", _time(alert["first"])),
            ("To", _time(alert["last"])),
            ("Times", alert["count"]),
            *((name.capitalize(), ", ".join(values)) for name, values in alert["evidence"].items()),
        ]
    )
    if alert["state"] == State.OPEN:
        print_line("\nTo stop it, or to say what it was:")
        for each in alert["blocks"]:
            print_line(f"  isthmus activity block {alert['subject']} {each['block']}")
        if alert["subject"].startswith("network:"):
            print_line(f"  isthmus activity block-network {alert['subject'].removeprefix('network:')}")
        print_line(f"  isthmus activity confirm {alert['id']}\n  isthmus activity false-alarm {alert['id']}")


@app.command(epilog="Example:  isthmus activity profile alice@contoso.example")
def profile(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Address, as alice@contoso.example.")],
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Show what is usual for an account: networks, clients, countries called, hours, most of anything."""
    with connect(site) as client:
        found = client.get(f"/v1/activity/profiles/{quote(account, safe='')}")
    if as_json:
        print_json(found)
        return
    learnt = "" if found["learnt"] else " (still being learnt)"
    active = [f"{hour:02}" for hour, share in enumerate(found["hours"]) if share >= 0.05]
    print_fields(
        [
            ("Account", found["account"]),
            ("Days seen", f"{found['days']}{learnt}"),
            *((name.capitalize(), _habits(found[name])) for name in ("networks", "countries", "clients")),
            ("Calls to", _habits(found["destinations"])),
            ("Hours", ", ".join(active) or "-"),
            *((f"Most {about}", amount) for about, amount in found["most"].items() if amount),
        ]
    )


@app.command(epilog="Example:  isthmus activity confirm 6f0a1b2c3d")
def confirm(alert: AlertArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Say that an alert was right: what it is about stays unusual."""
    _judge(alert, "confirm", "is confirmed; what it is about stays unusual", as_json, site)


@app.command("false-alarm", epilog="Example:  isthmus activity false-alarm 6f0a1b2c3d")
def false_alarm(alert: AlertArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Say that an alert was a false alarm: what it is about is usual from now on."""
    _judge(alert, "false-alarm", "is a false alarm; what it is about is usual from now on", as_json, site)


@app.command(
    epilog="Examples:  isthmus activity block alice@contoso.example account   |   "
    "isthmus activity block alice@contoso.example network:203.0.113.0/24   |   "
    "isthmus activity block account:anna"
)
def block(
    aor: PersonArgument,
    what: Annotated[str, typer.Argument(metavar="WHAT", help=f"{_BLOCKS}.")] = barring.ACCOUNT,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Keep a person's account from something, at all sites and at once. `unblock` takes it back.

    An account of this site (account:NAME) can only be shut out: it can't sign in, its sessions and tokens are ended.
    """
    with connect(site) as client:
        done = client.post("/v1/activity/block", {"aor": aor, "block": what})
    meaning = next(each["means"] for each in done["barred"] if each["block"] == what)
    print_done(f"{done['aor']} {meaning} from now on.", done, as_json)


@app.command(
    epilog="Examples:  isthmus activity unblock alice@contoso.example   |   "
    "isthmus activity unblock alice@contoso.example calls:international"
)
def unblock(
    aor: PersonArgument,
    what: Annotated[str | None, typer.Argument(metavar="WHAT", help="Only this block; by default all.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take a block away, or all of them."""
    with connect(site) as client:
        done = client.post("/v1/activity/unblock", {"aor": aor, "block": what})
    left = ", ".join(each["block"] for each in done["barred"])
    print_done(f"{done['aor']} is kept from {left or 'nothing'} now.", done, as_json)


@app.command(
    "block-network", epilog="Example:  isthmus activity block-network 203.0.113.0/24 --reason 'password spray'"
)
def block_network(
    network: NetworkArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for who looks later.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also one that the site needs, or a very wide one.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Close this site to a network: its phones and its use of the API are refused. Calls that are up go on."""
    with connect(site) as client:
        body = {"network": network, "reason": reason, "force": force}
        done = client.post("/v1/activity/networks/block", body)
    print_done(f"{done['network']} is kept out from now on.", done, as_json)


@app.command("unblock-network", epilog="Example:  isthmus activity unblock-network 203.0.113.0/24")
def unblock_network(network: NetworkArgument, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Let a network in again."""
    with connect(site) as client:
        client.post("/v1/activity/networks/unblock", {"network": network})
    print_done(f"{network} is let in again.", {"unblocked": network}, as_json)


@app.command(epilog="Example:  isthmus activity networks")
def networks(as_json: JsonOption = False, site: SiteOption = None) -> None:
    """List the networks that this site is closed to."""
    with connect(site) as client:
        found = client.get("/v1/activity/networks")
    if as_json:
        print_json(found)
        return
    rows = ((each["network"], _time(each["at"]), each["by"], each["reason"]) for each in found)
    print_table(("Network", "Since", "By", "Reason"), rows, empty="No network is blocked.")


def _judge(alert: str, verb: str, told: str, as_json: bool, site: str | None) -> None:
    with connect(site) as client:
        done = client.post(f"/v1/activity/alerts/{quote(alert, safe='')}/{verb}")
    print_done(f"Alert {done['id']} {told}.", done, as_json)


def _habits(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each['name']} ({each['days']:g} d)" for each in found[:8]) or "-"


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
