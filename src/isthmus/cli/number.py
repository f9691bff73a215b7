"""`isthmus number`: the inventory of telephone numbers and who has which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.addressing import Telephone
from isthmus.cli import number_buy, number_files, number_port
from isthmus.cli.client import Client, connect
from isthmus.cli.output import (
    JsonOption,
    SiteOption,
    moment,
    print_done,
    print_error,
    print_fields,
    print_json,
    print_line,
    print_table,
)
from isthmus.errors import IsthmusError, RefusedError, UsageError
from isthmus.numbers.model import NumberSource, NumberState, NumberUse, Owner
from isthmus.numbers.rules import checked_range

app = typer.Typer(no_args_is_help=True)
app.add_typer(number_port.app, name="port")
number_buy.add_to(app)

TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose numbers; by default one's own tenant's.")
]
_Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="As +14255550101, or +14255550100;ext=123 for an extension behind it.")
]
_Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...", help="As +14255550101, or +14255550100;ext=123.")]
_To = Annotated[str, typer.Argument(metavar="OWNER", help="An address, service:NAME or resource:NAME.")]
_Replace = Annotated[
    bool, typer.Option("--replace", help="Also where the person has another number, which is free then.")
]
_Country = Annotated[str | None, typer.Option("--country", metavar="CODE", help="ISO code of the country, as US.")]
_Area = Annotated[str | None, typer.Option("--area", metavar="CODE", help="Area code, as 425.")]
_Pattern = Annotated[
    str | None,
    typer.Option("--pattern", metavar="TEXT", help="Digits, `*` for any and `?` for one: '+1425*01*'."),
]
_UseOption = Annotated[NumberUse, typer.Option("--use", help="What they are for.")]
_SourceOption = Annotated[NumberSource, typer.Option("--source", help="By which way calls to them come in.")]
_Carrier = Annotated[str, typer.Option("--carrier", metavar="NAME", help="From whom they are.")]


@app.command(
    "list",
    epilog="Examples:  isthmus number list --state assigned   |   isthmus number list --state unknown   |   "
    "isthmus number list --area 425 --json",
)
def list_numbers(
    state: Annotated[
        NumberState | None, typer.Option("--state", help="`unknown`: people's numbers that are in no range.")
    ] = None,
    country: _Country = None,
    area: _Area = None,
    pattern: _Pattern = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List numbers and who has them, ascending."""
    wanted: dict[str, Any] = {
        "state": state and state.value,
        "country": country,
        "area": area,
        "pattern": pattern,
        "tenant": tenant,
    }
    found: list[dict[str, Any]] = []
    with connect(site) as client:
        for page in client.pages("/v1/numbers", "number", **wanted):
            found += page
            if limit is not None and len(found) >= limit:
                break
    _print_list(found[:limit], as_json)


@app.command(epilog="Examples:  isthmus number search --area 425 --count 5   |   isthmus number search --pattern '*00'")
def search(
    country: _Country = None,
    area: _Area = None,
    pattern: _Pattern = None,
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, help="At most so many.")] = 10,
    reserve_them: Annotated[bool, typer.Option("--reserve", help="And keep them for oneself for ten minutes.")] = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Find free numbers."""
    with connect(site) as client:
        found = client.get(
            "/v1/numbers", state="free", country=country, area=area, pattern=pattern, limit=count, tenant=tenant
        )
        if reserve_them:
            found = list(_reserved(client, found, tenant))
    _print_list(found, as_json)


def _reserved(client: Client, found: list[dict[str, Any]], tenant: str | None) -> Iterator[dict[str, Any]]:
    """Those of the numbers that could be reserved: between the two steps somebody else may have been quicker."""
    for each in found:
        try:
            yield client.post(f"{path_of(each['number'])}/reserve", tenant=tenant)
        except RefusedError as error:
            print_error(error)


@app.command(epilog="Examples:  isthmus number show +14255550101   |   isthmus number show '+14255550100;ext=123'")
def show(number: _Number, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a number, its owner and the people behind it."""
    with connect(site) as client:
        _print(client.get(path_of(number), tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus number reserve +14255550101")
def reserve(
    numbers: _Numbers, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None
) -> None:
    """Keep free numbers for oneself for ten minutes; nobody else can assign them."""
    with connect(site) as client:
        _each(
            numbers,
            lambda number: client.post(f"{path_of(number)}/reserve", tenant=tenant),
            lambda told: f"reserved {told['number']} until {moment(told['reserved_until'])}",
            as_json,
        )


@app.command(
    epilog="Examples:  isthmus number assign +14255550101 alice@contoso.example   |   "
    "isthmus number assign +14255550100 service:reception   |   "
    "isthmus number assign '+14255550100;ext=123' bob@contoso.example"
)
def assign(
    number: _Number,
    owner: _To,
    replace: _Replace = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Give a free number, or an extension behind one, to a person, a service or a resource account."""
    body = {"owner": str(Owner.parse(owner)), "replace": replace}
    with connect(site) as client:
        _print(client.post(f"{path_of(number)}/assign", body, tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus number transfer +14255550101 bob@contoso.example")
def transfer(
    number: _Number,
    owner: _To,
    replace: _Replace = False,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Give somebody's number, or extension, to somebody else, in one step."""
    body = {"owner": str(Owner.parse(owner)), "replace": replace}
    with connect(site) as client:
        _print(client.post(f"{path_of(number)}/transfer", body, tenant=tenant), as_json)


@app.command(epilog="Example:  isthmus number release +14255550101 +14255550102")
def release(
    numbers: _Numbers, tenant: TenantOption = None, as_json: JsonOption = False, site: SiteOption = None
) -> None:
    """Free numbers, whoever has or has reserved them: each can be assigned again at once."""

    with connect(site) as client:

        def free(number: str) -> dict[str, Any]:
            client.post(f"{path_of(number)}/release", tenant=tenant)
            return {"number": str(Telephone.parse(number)), "released": True}

        _each(numbers, free, lambda told: f"released {told['number']}", as_json)


@app.command(epilog="Examples:  isthmus number ranges   |   isthmus number ranges +14255550100-0199")
def ranges(
    range_: Annotated[str | None, typer.Argument(metavar="[RANGE]", help="That one alone.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the ranges of the inventory, and how many of their numbers are taken."""
    wanted = "" if range_ is None else str(checked_range(range_))
    with connect(site) as client:
        if wanted:
            found = [client.get(f"/v1/numbers/ranges/{quote(wanted, safe='')}", tenant=tenant)]
        else:
            found = client.get("/v1/numbers/ranges", tenant=tenant)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["range"],
            _place(each),
            each["use"],
            each["source"],
            each["carrier"],
            *(each[name] for name in ("assigned", "reserved", "free")),
            each["note"],
        )
        for each in found
    )
    columns = ("Range", "Where", "Use", "Source", "Carrier", "Assigned", "Reserved", "Free", "Note")
    print_table(columns, rows, empty="There are no numbers. To add some: isthmus number add")


@app.command(
    epilog="Examples:  isthmus number add +14255550100-0199 --carrier Northwind   |   "
    "isthmus number add +18005550100 --use toll-free --source calling-plan --carrier Northwind"
)
def add(
    range_: Annotated[str, typer.Argument(metavar="RANGE", help="As +14255550100-+14255550199, or one number.")],
    use: _UseOption = NumberUse.SUBSCRIBER,
    source: _SourceOption = NumberSource.TRUNK,
    carrier: _Carrier = "",
    note: Annotated[str, typer.Option("--note", help="For those who look after them.")] = "",
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Put numbers that a carrier gave into the inventory."""
    body = {
        "range": str(checked_range(range_)),
        "use": use.value,
        "source": source.value,
        "carrier": carrier,
        "note": note,
    }
    with connect(site) as client:
        made = client.post("/v1/numbers/ranges", body, tenant=tenant)
    print_done(f"added {made['range']} ({made['free']} of {made['numbers']} are free)", made, as_json)


@app.command("set", epilog="Example:  isthmus number set +14255550100-0199 --carrier Tailspin --source connector")
def set_range(
    range_: Annotated[str, typer.Argument(metavar="RANGE", help="One of `isthmus number ranges`.")],
    use: Annotated[NumberUse | None, typer.Option("--use", help="What they are for.")] = None,
    source: Annotated[NumberSource | None, typer.Option("--source", help="By which way calls to them come in.")] = None,
    carrier: Annotated[str | None, typer.Option("--carrier", metavar="NAME", help="From whom they are.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="For those who look after them.")] = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Change what is said of a range. Who has its numbers stays."""
    given = {"use": use and use.value, "source": source and source.value, "carrier": carrier, "note": note}
    body = {name: value for name, value in given.items() if value is not None}
    if not body:
        raise UsageError("say what is to be different", do="See: isthmus number set --help")
    wanted = str(checked_range(range_))
    with connect(site) as client:
        made = client.patch(f"/v1/numbers/ranges/{quote(wanted, safe='')}", body, tenant=tenant)
    print_done(f"changed {made['range']}", made, as_json)


@app.command(epilog="Example:  isthmus number remove +14255550150-0199")
def remove(
    range_: Annotated[str, typer.Argument(metavar="RANGE", help="As +14255550150-+14255550199, or one number.")],
    tenant: TenantOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take numbers that nobody has out of the inventory; of a range that has more, the rest stays."""
    wanted = str(checked_range(range_))
    with connect(site) as client:
        client.delete(f"/v1/numbers/ranges/{quote(wanted, safe='')}", tenant=tenant)
    print_done(f"removed {wanted}", {"removed": wanted}, as_json)


app.command("import", epilog=number_files.IMPORT_EXAMPLES)(number_files.import_numbers)
app.command("export", epilog=number_files.EXPORT_EXAMPLES)(number_files.export_numbers)


def path_of(number: str) -> str:
    """The API's path of a number. Raises UsageError for what is none."""
    return f"/v1/numbers/{quote(str(Telephone.parse(number)), safe='')}"


def _each(
    numbers: list[str],
    act: Callable[[str], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
    as_json: bool,
) -> None:
    """Do it to one after another; what is refused is told, and the others are done."""
    worst = 0
    told: list[dict[str, Any]] = []
    for number in numbers:
        try:
            done = act(number)
            told.append({**done, "error": None})
            if not as_json:
                print_line(words(done))
        except IsthmusError as error:
            told.append({"number": number, "error": str(error)})
            print_error(error)
            worst = max(worst, error.exit_code)
    if as_json:
        print_json(told)
    if worst:
        raise typer.Exit(worst)


def _print_list(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["number"],
            _state(each),
            _owner(each),
            _place(each),
            each["use"],
            each["carrier"],
            each["extensions"] or None,
        )
        for each in found
    )
    print_table(("Number", "State", "Owner", "Where", "Use", "Carrier", "Extensions"), rows, empty="No numbers.")


def _print(number: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(number)
        return
    print_fields(
        [
            ("Number", number["number"]),
            ("State", _state(number)),
            ("Owner", _owner(number)),
            ("Where", _place(number)),
            ("Use", number["use"]),
            ("Source", number["source"]),
            ("Carrier", number["carrier"]),
            ("Range", number["range"]),
            ("Tenant", number["tenant"]),
            *((f"Extension {each['extension']}", each["aor"]) for each in number["people"]),
        ]
    )


def _owner(number: dict[str, Any]) -> str | None:
    owner = number["owner"]
    if owner is None:
        return None
    return str(owner["name"] if owner["kind"] == "person" else f"{owner['kind']}:{owner['name']}")


def _state(number: dict[str, Any]) -> str:
    if number["state"] == NumberState.RESERVED:
        return f"reserved by {number['reserved_by']} until {moment(number['reserved_until'])}"
    return {NumberState.UNKNOWN: "not in the inventory"}.get(number["state"], str(number["state"]))


def _place(found: dict[str, Any]) -> str | None:
    return " ".join(filter(None, (found["country"], found["area"]))) or None
