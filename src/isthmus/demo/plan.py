"""What the demo consists of: its sites, people and numbers, and the text of its site files. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.addressing import Aor
from isthmus.errors import UsageError

DOMAIN = "contoso.example"
TENANT = "contoso"
CARRIER = "carrier"
# The service's own carrier: numbers are bought there, and who has a calling plan calls by it. One process plays both.
SERVICE_CARRIER = "northwind"
SHOP_PORT = 8080
SHOP_KEY = "shop.token"
# What all the people's numbers start with; the carrier hands these to the sites.
NUMBER_PREFIX = "+142555501"
# The place with the demo's connector, and the number of ours that the carrier hands to it.
CONNECTOR_SITE, BRANCH_NUMBER = "branch", "+14255550106"
# The first two numbers of every address of the demo; tests use others, so that both can run at once.
DEFAULT_NETWORK = "127.0"


# How the demo's people dial: 9 for an outside line, and the last four digits of each other's numbers.
DIAL_PLAN = {
    "kind": "dial-plan",
    "name": "demo",
    "description": "How the demo's people dial",
    "settings": {"country": "US", "outside_line": "9", "extension_digits": 4, "extension_base": "+1425555"},
}
# The name of the source that the demo's people come from.
SOURCE = "people"
_SOURCE = f"""
[[source]]
name = "{SOURCE}"
kind = "csv"
file = "../people.csv"
"""


@dataclass(frozen=True, slots=True)
class PlannedSite:
    """One site of the demo. internal_address: where its engines meet (see `isthmus.site.internal`)."""

    name: str
    address: str
    internal_address: str
    authority: bool = False

    @property
    def fqdn(self) -> str:
        """The name in the site's certificate. The role and the name are the same word in the demo."""
        return f"{self.name}.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class PlannedPerson:
    """One person of the demo. home: the site where they are created. bought: their number is, with a calling plan."""

    user: str
    number: str
    home: str
    bought: bool = False

    @property
    def aor(self) -> Aor:
        """Their address-of-record."""
        return Aor(self.user, DOMAIN)

    @property
    def display_name(self) -> str:
        """As a phone shows it."""
        return self.user.capitalize()


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole demo. service_address: of the service's carrier; branch_address, branch_internal: of the connector;
    empty for none.
    """

    sites: tuple[PlannedSite, ...]
    people: tuple[PlannedPerson, ...]
    carrier_address: str
    service_address: str = ""
    branch_address: str = ""
    branch_internal: str = ""

    @property
    def authority(self) -> PlannedSite:
        """The site whose directory says where people live."""
        return next(site for site in self.sites if site.authority)


PEOPLE = (
    PlannedPerson("alice", "+14255550101", "premises"),
    PlannedPerson("bob", "+14255550102", "premises"),
    PlannedPerson("carol", "+14255550103", "online"),
    PlannedPerson("dave", "+14255550104", "online"),
    PlannedPerson("erin", "+14255550105", "premises"),
    PlannedPerson("frank", "+14255550106", "online"),
)
# With a number of the service's carrier, and the calling plan that she calls by.
GRACE = PlannedPerson("grace", "+14255550310", "online", bought=True)
CALLING_PLAN = "demo"


def make_plan(network: str = DEFAULT_NETWORK) -> Plan:
    """The demo on `network`, the first two numbers of a loopback address as in "127.0".

    Raises UsageError for anything else: the demo must not be reachable from outside.
    """
    first, dot, second = network.partition(".")
    if first != "127" or not dot or not (second.isascii() and second.isdigit() and int(second) < 256):
        raise UsageError(f"{network!r} is no network for the demo", do="Write it as 127.0 up to 127.255.")
    sites = (
        PlannedSite("premises", f"{network}.1.1", f"{network}.1.2", authority=True),
        PlannedSite("online", f"{network}.2.1", f"{network}.2.2"),
    )
    return Plan(sites, (*PEOPLE, GRACE), f"{network}.9.1", f"{network}.9.2", f"{network}.3.1", f"{network}.3.2")


def site_toml(plan: Plan, site: PlannedSite) -> str:
    """The text of a site's file, ready to be edited by hand afterwards."""
    peers = "".join(_peer_toml(peer) for peer in plan.sites if peer is not site)
    source = _SOURCE if site.authority else ""
    service = _service_toml(plan, site) if plan.service_address else ""
    return f"""\
# The demo's site "{site.name}", written at its first start and kept from then on: change what you like.
# docs/site-file.md explains every setting.

[site]
name = "{site.name}"
role = "{site.name}"
fqdn = "{site.fqdn}"
domains = ["{DOMAIN}"]
tenant = "{TENANT}"
address = "{site.address}"
internal_address = "{site.internal_address}"
authority = {_toml(site.authority)}

[pki]
ca_directory = "../ca"

[turn]
enabled = true
{peers}
[[trunk]]
name = "{CARRIER}"
address = "{plan.carrier_address}"
{service}{source}"""


def people_csv(plan: Plan) -> str:
    """The text of the demo's directory of people, for `isthmus directory sync`."""
    rows = "".join(
        f"{number},{person.aor},{person.display_name},{person.number},{person.home},true,,\n"
        for number, person in enumerate(plan.people, 1)
    )
    return f"id,aor,display_name,number,home,enabled,groups,department\n{rows}"


def carrier_toml(plan: Plan) -> str:
    """The text of the carrier's file: it serves both sites, and tries the authority first for our numbers."""
    sites = "".join(f'\n[[site]]\nname = "{site.name}"\naddress = "{site.address}"\n' for site in plan.sites)
    if plan.branch_address:
        sites += f'\n[[site]]\nname = "{CONNECTOR_SITE}"\naddress = "{plan.branch_address}"\n'
    order = ", ".join(f'"{site.name}"' for site in sorted(plan.sites, key=lambda site: not site.authority))
    return f"""\
# The demo's simulated telephone network, written at its first start and kept from then on.
address = "{plan.carrier_address}"
{sites}
[[range]]
prefix = "{NUMBER_PREFIX}"
sites = [{order}]
{_branch_toml(plan) if plan.branch_address else ""}{_shop_toml(plan) if plan.service_address else ""}"""


def _branch_toml(plan: Plan) -> str:
    return f"""
# This number has its line at the connector.
[[range]]
prefix = "{BRANCH_NUMBER}"
sites = ["{CONNECTOR_SITE}", "online"]
"""


def _service_toml(plan: Plan, site: PlannedSite) -> str:
    """The service's carrier: its trunk online, and where numbers are bought, at the authority."""
    found = ""
    if site.name == "online":
        found += f"""
[[trunk]]
name = "{SERVICE_CARRIER}"
address = "{plan.service_address}"
calling_plan = true
"""
    if site.authority:
        found += f"""
[[carrier]]
name = "{SERVICE_CARRIER}"
kind = "simulated"
url = "http://{plan.carrier_address}:{SHOP_PORT}"
key_file = "../{CARRIER}/{SHOP_KEY}"
"""
    return found


def _shop_toml(plan: Plan) -> str:
    return f"""
# The service's carrier: what it sells is carried to the site from an address of its own.
[shop]
address = "{plan.service_address}"
port = {SHOP_PORT}
token_file = "{SHOP_KEY}"
site = "online"
"""


def _peer_toml(peer: PlannedSite) -> str:
    return f"""
[[peer]]
name = "{peer.name}"
fqdn = "{peer.fqdn}"
address = "{peer.address}"
authority = {_toml(peer.authority)}
pstn = true
"""


def _toml(value: bool) -> str:
    return "true" if value else "false"
