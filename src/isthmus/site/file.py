"""The site file: everything a site is told about itself, in TOML, checked before anything starts.

The reference page docs/site-file.md is generated from the descriptions here.
"""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from isthmus.errors import NotFoundError, UsageError
from isthmus.site.section import Fqdn, cidr
from isthmus.site.section import Section as _Section
from isthmus.site.trunk_sections import Codec, Media, TrunkRegistration, TrunkTls
from isthmus.trunking import profiles
from isthmus.trunking.model import Shape
from isthmus.trunking.settings import HeaderSection, NumberSection, ShapeSection, shape, with_profile

_HOST_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+")
_SLOTS = 16  # connectors of an online site whose file does not say
WORKFLOW_FILE = "dbos.sqlite"  # beside the database, where that is SQLite

Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


_MAIL_ADDRESS = r"^[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}$"


class Role(StrEnum):
    """What a site is for; the code is the same."""

    PREMISES = "premises"
    ONLINE = "online"
    CONNECTOR = "connector"


def _ip(value: str) -> str:
    return str(ipaddress.ip_address(value))


class SiteSection(_Section):
    """Who this site is."""

    name: Name = Field(description="Short name, the same in every site's file, as in `--to NAME`.")
    role: Role = Field(description="`premises`, `online` or `connector`.")
    fqdn: Fqdn = Field(description="The site's own host name; the name in its certificate.")
    domains: tuple[Fqdn, ...] = Field(description="SIP domains whose people live here or at a peer.", default=())
    tenant: Name = Field(
        description="Tenant that owns `domains` where this site is first to create them.", default="main"
    )
    address: str = Field(description="Address that phones, gateways and peers reach, IPv4 or IPv6.")
    internal_address: str = Field(
        description="Loopback address on which the site's own engines meet. Nothing outside may reach it.",
        default="127.0.0.1",
    )
    authority: bool = Field(
        description="Whether this site's directory says where people live. Exactly one site of a hybrid.",
        default=False,
    )

    _address = field_validator("address", "internal_address")(_ip)

    @field_validator("internal_address")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if not ipaddress.ip_address(value).is_loopback:
            raise ValueError("must be a loopback address: the engines trust whoever reaches it")
        return value


class StateSection(_Section):
    """Where the site keeps what it must not lose."""

    directory: Path = Field(
        description="Folder for database, snapshot, keys and logs; relative to the site file.",
        default=Path("state"),
    )
    database: str = Field(
        description="SQLAlchemy URL. Empty: SQLite in the state folder. `postgresql+psycopg://...` to grow.",
        default="",
    )


class PortsSection(_Section):
    """The ports on `address`. The standard ones unless something else holds them."""

    sip: Port = Field(default=5060, description="SIP over UDP and TCP.")
    sips: Port = Field(default=5061, description="SIP over TLS.")
    web: Port = Field(default=8443, description="Pages, API and SIP over WebSocket, all TLS.")
    link_sip: Port = Field(default=5062, description="SIP from the other site, mutual TLS.")
    link_api: Port = Field(default=8444, description="Control traffic from the other site, mutual TLS.")
    trunk_sips: Port = Field(default=5067, description="SIP over TLS from trunks that speak it.")


class ConnectorsSection(_Section):
    """Connectors that may come to this site (docs/connector.md)."""

    slots: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Most connectors at a time; each has a listener of its own. 0: none, and 16 at an online site "
        "whose file does not say.",
    )


class SurvivalSection(_Section):
    """What a connector does while online is away (docs/connector.md)."""

    country: str = Field(
        default="",
        pattern=r"^([A-Z]{2})?$",
        description="Country whose emergency numbers anybody at the branch may then call, as `US`.",
    )

    fallback: str = Field(
        default="",
        pattern=r"^(\+[1-9][0-9]{3,14})?$",
        description="Number (E.164) that answers calls from the PSTN for those who can't be reached: a phone here, or "
        "one in the PSTN. Empty: they get a clear answer.",
    )


class PkiSection(_Section):
    """The certificate by which phones and peers know this site."""

    ca_directory: Path | None = Field(
        default=None,
        description="Folder of the private CA, relative to the site file. Where it is given and readable, "
        "the certificate is renewed by itself; else `isthmus pki renew` has to be run where the CA lives.",
    )
    lifetime_days: int = Field(
        default=90, ge=1, le=3650, description="Days a certificate lives; renewed when a third is left."
    )


class MediaSection(_Section):
    """Media relaying by rtpengine."""

    relay: Literal["always", "outside", "never"] = Field(
        default="always",
        description="`always`: through this site's relay. `outside`: direct between two phones that are both "
        "in `direct_networks` and speak plain RTP. `never`: no relay at all.",
    )
    direct_networks: tuple[str, ...] = Field(
        default=(), description="Networks (CIDR) whose phones reach one another without NAT."
    )
    rtp_low: Port = Field(default=30000, description="Lowest UDP port for media.")
    rtp_high: Port = Field(default=30999, description="Highest UDP port for media; four are used a call.")

    _networks = field_validator("direct_networks")(cidr)

    @model_validator(mode="after")
    def _range(self) -> MediaSection:
        if self.rtp_high <= self.rtp_low:
            raise ValueError("rtp_high must be above rtp_low")
        return self


class TurnSection(_Section):
    """STUN and TURN by coturn, for web phones whose network lets no other media out (docs/phone.md)."""

    enabled: bool = Field(default=False, description="Whether this site has it. Never at a connector.")
    port: Port = Field(default=3478, description="STUN and TURN over UDP and TCP.")
    tls_port: Port = Field(
        default=5349,
        description="TURN over TLS, with the site's certificate. 443 gets through where nothing else does.",
    )
    relay_low: Port = Field(default=31000, description="Lowest UDP port that is relayed from.")
    relay_high: Port = Field(default=31999, description="Highest; one is used for each way that a call may take.")
    lifetime_s: int = Field(
        default=3600,
        ge=600,
        le=86400,
        description="Seconds that a credential of a signed-in person holds.",
    )
    allocations_per_person: int = Field(
        default=24, ge=1, le=1000, description="Ports that one person may hold at a time; up to six are taken a call."
    )
    allocations: int = Field(default=900, ge=1, le=60000, description="Ports that all together may hold.")
    kbit_s: int = Field(
        default=4000, ge=64, le=1_000_000, description="Most that one of them carries, in kbit/s each way."
    )

    @model_validator(mode="after")
    def _range(self) -> TurnSection:
        if self.relay_high <= self.relay_low:
            raise ValueError("relay_high must be above relay_low")
        return self


class DigestSection(_Section):
    """How phones prove who they are."""

    nonce_lifetime_s: int = Field(default=300, ge=10, le=3600, description="Seconds a nonce can be used.")
    md5: bool = Field(
        default=True,
        description="Whether MD5 is offered beside SHA-256, which is preferred (RFC 8760). `false`: no challenge of "
        "this site offers it, and no answer by it is right, whoever's it is; `md5_only_user_agents` get in no more.",
    )
    md5_only_user_agents: tuple[str, ...] = Field(
        default=("baresip v1.0",),
        description="User-Agent prefixes that fail when SHA-256 is offered first; they get MD5 alone.",
    )


class LinkSection(_Section):
    """What happens between the sites."""

    timeout_ms: int = Field(
        default=1500,
        ge=200,
        le=10000,
        description="Milliseconds a peer may stay silent before a call is led away.",
    )
    when_down: tuple[Literal["pstn"], ...] = Field(
        default=("pstn",),
        description="Ways out, in order, for calls to people whose home can't be reached. Empty: answer 503 at once.",
    )


class ProtectionSection(_Section):
    """Limits against floods and guessing."""

    requests_per_2s: int = Field(
        default=2000, ge=10, description="UDP requests from one address in two seconds before it is ignored."
    )
    failed_logins_per_minute: int = Field(
        default=20, ge=3, description="Wrong passwords for one account from one address before a pause."
    )
    connections_per_address: int = Field(
        default=1000, ge=1, description="Connections that one address may hold on one port (TCP, TLS, WebSocket)."
    )
    connection_rate_per_10s: int = Field(
        default=4000, ge=1, description="New connections one address may open on one port in ten seconds."
    )
    exempt_networks: tuple[str, ...] = Field(default=(), description="Networks (CIDR) these limits pass over.")

    _networks = field_validator("exempt_networks")(cidr)


class AuditSection(_Section):
    """How long the audit log goes back."""

    keep_days: int = Field(
        default=400,
        ge=0,
        le=36500,
        description="Days an entry is kept; older ones are removed by whole days (UTC). 0 keeps all.",
    )


class StirSection(_Section):
    """Who calls from and to the telephone network, signed and verified by STIR/SHAKEN (docs/stir.md)."""

    key_file: Path | None = Field(
        default=None, description="Key (PEM, P-256, mode 0600) that calls out are signed with. None: they are not."
    )
    certificate_url: str = Field(
        default="", description="`https://` URL where others fetch the certificate of that key."
    )
    trusted_file: Path | None = Field(
        default=None, description="Authorities (PEM) whose certificates are believed. None: calls in are not verified."
    )
    fetch_from: tuple[str, ...] = Field(
        default=(), description="Names of the hosts that others' certificates are fetched from, and from no others."
    )
    fetch_ca_file: Path | None = Field(
        default=None, description="Authorities (PEM) of those hosts' own TLS certificates. None: the system's."
    )
    refuse: bool = Field(
        default=False, description="Whether calls with a wrong signature are refused. False: the called are told."
    )

    @model_validator(mode="after")
    def _key_has_url(self) -> StirSection:
        if self.key_file and not self.certificate_url.startswith("https://"):
            raise ValueError("key_file takes a certificate_url that begins with https://")
        return self


class RecordsSection(_Section):
    """How long call records go back."""

    keep_days: int = Field(
        default=365,
        ge=0,
        le=36500,
        description="Days the record of a call is kept after its end, at each site by its own setting. 0 keeps all.",
    )
    signalling_days: int = Field(
        default=30,
        ge=0,
        le=36500,
        description="Days it is kept what was signalled of a call (`isthmus call ladder`). 0 keeps it with the record.",
    )


class MessagesSection(_Section):
    """Messages between people, and the files that they send (docs/messages.md)."""

    keep_days: int = Field(
        default=0, ge=0, le=36500, description="Days a message is kept here, by this site's own setting. 0 keeps all."
    )
    file_mb: int = Field(default=25, ge=1, le=100, description="Largest file that may be sent, in MiB.")
    file_endings: tuple[str, ...] = Field(
        default=(),
        description='Endings of the names of files that may be sent, as in `["pdf", "png"]`. Empty: any.',
    )
    scan_command: tuple[str, ...] = Field(
        default=(),
        description="Program and arguments that look at every file before it is kept: the file's path is added, and "
        "any exit code but 0 refuses it, as does a program that can't be run. Empty: files are not looked at.",
    )
    phones: bool = Field(
        default=True,
        description="Whether what SIP clients write (MESSAGE) is part of conversations, and whether they get what is "
        "written elsewhere. If not, it goes from client to client as it is, and is kept nowhere.",
    )


class SignInSection(_Section):
    """How administrators and people sign in to the API and the pages."""

    second_factor: Literal["administrators", "everyone"] = Field(
        default="administrators",
        description="Who has to have a second factor: `administrators` (every account that holds a role), or "
        "`everyone`.",
    )
    idle_minutes: int = Field(default=30, ge=1, le=1440, description="Minutes after which an unused session ends.")
    longest_hours: int = Field(default=12, ge=1, le=168, description="Hours after which every session ends.")
    shortest_password: int = Field(default=12, ge=8, le=64, description="Characters a new password has at least.")
    breached_passwords: Path | None = Field(
        default=None,
        description="File of breached passwords, as the downloader of Pwned Passwords writes it (lines `SHA1:COUNT`, "
        "sorted), relative to the site file: none of them is taken for an account. None: only the most common "
        "millions, which come with Isthmus, are refused.",
    )


class TenantsSection(_Section):
    """Tenants and their domains (docs/tenants.md)."""

    look_at_domains_every_h: int = Field(
        default=24,
        ge=0,
        le=8760,
        description="Hours after which the DNS record that proved a domain is looked for again. One that is gone is "
        "told of in `/v1/health` and `isthmus domain show`; the domain stays. 0: never. At the authority.",
    )


class Peer(_Section):
    """Another site of the same hybrid."""

    name: Name = Field(description="The peer's site name.")
    fqdn: Fqdn = Field(description="The name its certificate must carry.")
    address: str = Field(description="Address of its link ports.")
    link_sip: Port = Field(default=5062, description="Its port for SIP.")
    link_api: Port = Field(default=8444, description="Its port for control traffic.")
    authority: bool = Field(default=False, description="Whether that site's directory is the authority.")
    direct_media: bool = Field(
        default=False,
        description="Whether phones in our `direct_networks` and in the peer's reach each other without NAT. With "
        '`relay = "outside"` at both sites, calls between two such phones then need no relay at all.',
    )
    pstn: bool = Field(default=False, description="Whether that site has trunks that our calls may use.")
    devices: bool = Field(
        default=True,
        description="Whether devices of people may be made, changed and revoked there as well; counts at the "
        "authority. Without it the phone in a browser works at the authority alone.",
    )

    _address = field_validator("address")(_ip)


class Trunk(_Section):
    """A gateway or carrier."""

    name: Name = Field(description="Short name, shown in traces and call records.")
    address: str = Field(description="Its address; requests from it are taken as coming from the PSTN.")
    port: Port = Field(default=5060, description="Its SIP port; with `tls` 5061 where none is given.")
    transport: Literal["udp", "tcp", "tls"] = Field(default="udp", description="`udp`, `tcp` or `tls`.")
    networks: tuple[str, ...] = Field(
        default=(), description="Networks (CIDR) that its requests come from as well, besides its address."
    )
    answer_s: float = Field(
        default=10.0, ge=1, le=60, description="Seconds it has to say anything of a call before the next is tried."
    )
    ask_every_s: int = Field(
        default=10,
        ge=0,
        le=3600,
        description="How often it is asked by OPTIONS whether it is there; 0: never. All trunks are asked as often as "
        "the one that is asked the least.",
    )
    alert_after_s: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="After how many seconds without an answer, or without a registration, people are told "
        "(docs/activity.md); 0: never.",
    )
    most_calls: int = Field(default=0, ge=0, le=100_000, description="Calls it may have at a time; 0: any number.")
    calls_per_s: int = Field(default=0, ge=0, le=10_000, description="Calls that may begin a second; 0: any number.")
    emergency_location: bool = Field(
        default=False,
        description="Whether emergency calls say by a document where the caller is (docs/emergency.md): for carriers "
        "that take `multipart/mixed`.",
    )
    network_site: str = Field(
        default="",
        description="The `[[network_site]]` where it is, if calls of people with location-based routing may pass it "
        "only from and to there (docs/fraud.md). Empty: from and to everywhere.",
    )

    calling_plan: bool = Field(
        default=False,
        description="Whether it is for people with a calling plan (docs/calling-plan.md): theirs go by it first, those "
        "of others never, emergency calls apart. What goes by it is charged.",
    )

    media: Media = Field(
        default="rtp",
        description="What it is offered: `rtp`, `srtp` (keys in the SDP, RFC 4568) or `dtls-srtp` (RFC 5763). Unless "
        "it is `rtp`, what comes from there has to be encrypted, one way or the other; else the call is refused (488).",
    )
    codecs: tuple[Codec, ...] = Field(
        default=(),
        description="Codecs of calls by it, the best one first, as in the SDP: `PCMA`, `opus`. Others are left out of "
        "what is offered, both ways. Empty: whatever the two ends have.",
    )
    transcode: bool = Field(
        default=False,
        description="Whether this site translates between codecs where the caller has none of `codecs`. Between the "
        "two forms of G.711 that takes two to three times the CPU of a call that is passed on. `false`: such calls are "
        "refused (488).",
    )
    direct_networks: tuple[str, ...] = Field(
        default=(),
        description="Networks (CIDR) whose phones it reaches, and they it, without NAT: media of calls between them "
        "goes directly where both ends can (media bypass, docs/trunks.md), and not through this site's relay. Empty: "
        "it is always relayed.",
    )
    refer: Literal["none", "inside", "outside"] = Field(
        default="inside",
        description="What a transfer by REFER may lead to (docs/trunks.md): `none`: there is none, either way (405). "
        "`inside`: our own people and their numbers. `outside`: by the trunk's wish also whom the phone's person may "
        "call.",
    )
    tls: TrunkTls | None = None
    registration: TrunkRegistration | None = None
    profile: str = Field(
        default="",
        description="What is known of such gateways or carriers, by name (`isthmus trunk profiles`). It gives the "
        "trunk's settings by default; what stands in the trunk wins.",
    )
    shape: ShapeSection = ShapeSection()
    number: tuple[NumberSection, ...] = ()
    header: tuple[HeaderSection, ...] = ()

    _address = field_validator("address")(_ip)
    _networks = field_validator("networks", "direct_networks")(cidr)

    @model_validator(mode="before")
    @classmethod
    def _port_of_tls(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("transport") == "tls":
            return {"port": 5061, **values}
        return values

    @model_validator(mode="after")
    def _fits(self) -> Trunk:
        if (self.transport == "tls") is not (self.tls is not None):
            raise ValueError('a trunk with transport = "tls" has a section [trunk.tls], and no other has')
        if self.transcode and not self.codecs:
            raise ValueError("transcode takes codecs")
        if self.direct_networks and self.media != "rtp":
            raise ValueError('direct_networks takes media = "rtp": what is encrypted for a trunk is so by the relay')
        if self.shape.by_name and self.tls is None:
            raise ValueError('`by_name` takes transport = "tls": it is the name in the certificate')
        if self.shape.by_name and self.shape.from_host and not _HOST_NAME.fullmatch(self.shape.from_host):
            raise ValueError("with `by_name`, `from_host` is a name without port: it stands in the certificate")
        return self

    @model_validator(mode="before")
    @classmethod
    def _profiled(cls, values: Any) -> Any:
        name = values.get("profile") if isinstance(values, dict) else None
        if not isinstance(name, str) or not name:
            return values
        try:
            found = profiles.profile(name)
        except NotFoundError as error:
            raise ValueError(str(error)) from None
        return with_profile(values, found)

    @model_validator(mode="after")
    def _shaped(self) -> Trunk:
        self.compiled()
        return self

    def compiled(self) -> Shape:
        """How its requests look, as it is applied. Raises ValueError for what does not go together."""
        return shape(self.shape, self.number, self.header)


class CarrierSection(_Section):
    """A carrier that numbers are bought from (docs/calling-plan.md). At the authority, which has the inventory."""

    name: Name = Field(description="Short name, as in `isthmus number find --carrier NAME`.")
    kind: Literal["telnyx", "simulated"] = Field(description="Which API it has.")
    url: str = Field(default="", description="Where its API begins. Empty: where that carrier has it.")
    key_file: Path = Field(description="File with the API key alone, mode 0600, relative to the site file.")
    connection: str = Field(default="", description="`telnyx`: id of the SIP connection there that leads to the trunk.")

    @model_validator(mode="after")
    def _whole(self) -> CarrierSection:
        local = self.url.startswith(("http://127.", "http://[::1]"))
        if self.url and not self.url.startswith("https://") and not local:
            raise ValueError("`url` begins with https://: the key would be seen on its way")
        if self.kind == "simulated" and not self.url:
            raise ValueError("a carrier of kind simulated needs `url`")
        return self


class NetworkSiteSection(_Section):
    """A part of the network at one place, for location-based routing (docs/fraud.md)."""

    name: Name = Field(description="Short name, as in `network_site` of a trunk.")
    subnets: tuple[str, ...] = Field(min_length=1, description="Its networks, as `10.1.0.0/16`; the smallest counts.")
    location_based: bool = Field(
        default=True, description="Whether calls from there go by `usages`, whatever the caller's own are."
    )
    usages: tuple[str, ...] = Field(default=(), description="Usages of voice routes. Empty: the caller's own.")

    _subnets = field_validator("subnets")(cidr)


class Source(_Section):
    """A directory that people come from (docs/sync.md). At the authority only."""

    name: Name = Field(description="Short name, as in `isthmus directory sync NAME`.")
    kind: Literal["ad", "ldap", "csv"] = Field(description="`ad` (Active Directory, Samba), `ldap` or `csv`.")
    file: Path | None = Field(default=None, description="The CSV file, relative to the site file.")
    servers: tuple[str, ...] = Field(
        default=(),
        description="Addresses of the servers, tried in this order: `ldaps://dc1.contoso.example`; `ldap://` begins "
        "with StartTLS. The name must be in the server's certificate.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that sign the servers' certificates, relative to the site file. None: the "
        "system's.",
    )
    user: str = Field(default="", description="Who signs in; a right to read is enough. Empty: nobody.")
    password_file: Path | None = Field(
        default=None, description="File with the password alone, mode 0600, relative to the site file."
    )
    base: tuple[str, ...] = Field(default=(), description="Subtrees that people are looked for in.")
    filter: str = Field(
        default="",
        description="Which objects are people, as LDAP filter. Empty: `(&(objectCategory=person)(objectClass=user))` "
        "for `ad`, `(objectClass=inetOrgPerson)` for `ldap`.",
    )
    group: str = Field(
        default="", description="DN of a group; only its members, nested ones included, are people. Empty: all."
    )
    mapping_file: Path | None = Field(
        default=None, description="What is taken from which attribute (TOML), relative to the site file."
    )
    region: str = Field(default="", description="Country of numbers written without `+`, as in `US`.")
    home: str = Field(default="", description="Site where new people live unless the source says. Empty: this site.")
    interval_s: int = Field(
        default=0, ge=0, le=86400, description="Seconds between runs by themselves; 0: only when asked to."
    )
    most_disabled_percent: float = Field(
        default=10, ge=0, le=100, description="A run that would disable more of the source's people stops and asks."
    )
    keep_days: int = Field(
        default=30, ge=1, le=3650, description="Days that a person who vanished from the source can be restored."
    )

    write_back: tuple[Literal["home", "address", "number"], ...] = Field(
        default=(),
        description="What is written to the source: `home` (`msRTCSIP-DeploymentLocator`), `address` "
        "(`msRTCSIP-PrimaryUserAddress`), `number` (`msRTCSIP-Line`). Takes the right to write these.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Source:
        if self.kind == "csv" and self.write_back:
            raise ValueError("a source of kind csv is never written to")
        if self.kind == "csv":
            if self.file is None:
                raise ValueError("a source of kind csv needs `file`")
            return self
        if not self.servers or not self.base:
            raise ValueError(f"a source of kind {self.kind} needs `servers` and `base`")
        for server in self.servers:
            if not server.startswith(("ldaps://", "ldap://", "ldapi://")):
                raise ValueError(f"{server!r} does not begin with ldaps://, ldap:// or ldapi://")
        if self.user and self.password_file is None:
            raise ValueError("`user` without `password_file`")
        if self.filter and not (self.filter.startswith("(") and self.filter.endswith(")")):
            raise ValueError("`filter` is to be in brackets, as (objectClass=person)")
        return self


_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
# Attributes that name somebody for now: mail, userPrincipalName, and what AD FS and Entra ID call them.
_GIVEN_AGAIN = frozenset(
    {"mail", "email", "emailaddress", "upn", "userprincipalname", "urn:oid:0.9.2342.19200300.100.1.3",
     "urn:oid:1.2.840.113549.1.9.1", *(f"{_CLAIMS}{each}" for each in ("emailaddress", "upn", "name"))}
)  # fmt: skip


class IdentityProvider(_Section):
    """Who else may say who somebody is, when people sign in to the API and the pages (docs/identity.md)."""

    name: Name = Field(description="Short name, part of the address that the provider sends browsers back to.")
    kind: Literal["ldap", "oidc", "saml"] = Field(
        description="`ldap` (passwords of a directory), `oidc` (OpenID Connect) or `saml` (SAML 2.0)."
    )
    title: str = Field(default="", max_length=64, description="What people see. Empty: `name`.")
    tenant: str = Field(
        default="", description="Tenant whose accounts it speaks for, and no other's. Empty: this site's."
    )
    accounts: Literal["people", "anyone", "linked"] = Field(
        default="people",
        description="For whom an account is made at the first sign-in: `people` of `source`, `anyone` whom the "
        "provider lets in, or `linked`: nobody; only accounts that their owners have linked come in.",
    )
    source: str = Field(
        default="", description="The `[[source]]` whose object ids the provider gives: by them people are known."
    )
    servers: tuple[str, ...] = Field(default=(), description="`ldap`: as in `[[source]]`.")
    ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that sign the provider's certificate, relative to the site file. None: the "
        "system's.",
    )
    user: str = Field(default="", description="`ldap`: who looks for the name's object. Empty: nobody.")
    password_file: Path | None = Field(default=None, description="`ldap`: file with their password, mode 0600.")
    base: tuple[str, ...] = Field(default=(), description="`ldap`: subtrees that people are looked for in.")
    filter: str = Field(default="(objectClass=person)", description="`ldap`: which objects may sign in.")
    name_attributes: tuple[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")], ...] = Field(
        default=("uid", "mail"),
        min_length=1,
        description="`ldap`: attributes of which one must be what is typed as name; for Active Directory "
        '`["sAMAccountName", "userPrincipalName"]`.',
    )
    id_attribute: Literal["entryUUID", "objectGUID", "objectSid"] = Field(
        default="entryUUID",
        description="`ldap`: what accounts are linked by; for Active Directory `objectGUID`, and `objectSid` for the "
        "forest of the accounts where `source` is a resource forest (`msRTCSIP-OriginatorSID`).",
    )
    issuer: str = Field(default="", description="`oidc`: the provider, exactly as it writes itself; `https://` only.")
    client_id: str = Field(default="", description="`oidc`: as whom the provider knows this site.")
    client_secret_file: Path | None = Field(
        default=None,
        description="`oidc`: file with the client's secret, mode 0600. None: a public client, with PKCE alone.",
    )
    scopes: tuple[str, ...] = Field(default=("openid", "profile"), description="`oidc`: what is asked for.")
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"], ...] = (
        Field(default=("RS256", "PS256", "ES256"), description="`oidc`: signatures of ID tokens that are taken.")
    )
    entry_claim: str = Field(default="", description="`oidc`, `saml`: claim that holds the object id in `source`.")
    login_claim: str = Field(
        default="preferred_username", description="`oidc`, `saml`: claim that names an account made for `anyone`."
    )
    second_factor_acr: tuple[str, ...] = Field(
        default=(),
        description="`oidc`, `saml`: values of `acr`, or authentication contexts, by which the provider says that it "
        "saw a second factor. None of these and of `second_factor_amr`: it is proved here, as after a password.",
    )
    second_factor_amr: tuple[str, ...] = Field(default=(), description='`oidc`: the same for `amr`, as `["mfa"]`.')
    metadata_file: Path | None = Field(
        default=None, description="`saml`: file with the provider's metadata (XML). A new one needs no restart."
    )
    subject_claim: str = Field(
        default="", description="`saml`: attribute with a stable id. Empty: the NameID, which has to be persistent."
    )
    request_key_file: Path | None = Field(
        default=None,
        description="`saml`: PEM with an RSA key and certificate that sign requests, mode 0600. None: unsigned.",
    )

    @model_validator(mode="after")
    def _whole(self) -> IdentityProvider:
        if self.kind == "ldap":
            if not self.servers or not self.base:
                raise ValueError("a provider of kind ldap needs `servers` and `base`")
            if any(not server.startswith(("ldaps://", "ldap://", "ldapi://")) for server in self.servers):
                raise ValueError("`servers` begin with ldaps://, ldap:// or ldapi://")
            if self.user and self.password_file is None:
                raise ValueError("`user` without `password_file`")
            if not (self.filter.startswith("(") and self.filter.endswith(")")):
                raise ValueError("`filter` is to be in brackets, as (objectClass=person)")
        elif self.kind == "saml":
            if self.metadata_file is None:
                raise ValueError("a provider of kind saml needs `metadata_file`")
            if self.subject_claim.lower() in _GIVEN_AGAIN:
                raise ValueError("`subject_claim` is a name or a mail address, which may be given to somebody else")
        elif not self.issuer.startswith("https://") or not self.client_id:
            raise ValueError("a provider of kind oidc needs `issuer` (https://) and `client_id`")
        if self.accounts == "people" and (not self.source or (self.kind != "ldap" and not self.entry_claim)):
            raise ValueError('`accounts = "people"` needs `source`, and for oidc and saml `entry_claim`')
        return self


_REDIRECT_URI = r"^https://[^\s#]+$|^http://(127\.0\.0\.1|localhost)[:/][^\s#]*$"


class OpenidClientSection(_Section):
    """A program whose people sign in at this site, as at an OpenID provider (docs/identity.md)."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="What the program calls itself: `client_id`.")
    redirect_uris: tuple[Annotated[str, Field(pattern=_REDIRECT_URI)], ...] = Field(
        min_length=1, description="Where browsers go back to, exactly; `https://`, or this very machine."
    )
    logout_uris: tuple[Annotated[str, Field(pattern=r"^https://[^\s#]+$")], ...] = Field(
        default=(), description="Where a browser may go after signing out."
    )
    tenant: str = Field(default="", description="Whose accounts may use it. Empty: the site's own tenant.")
    secret_file: Path | None = Field(
        default=None, description="File with its secret, mode 0600, relative to the site file. None: a public client."
    )
    algorithm: Literal["RS256", "ES256"] = Field(default="RS256", description="What its ID tokens are signed by.")


class ScimSection(_Section):
    """What an identity provider pushes by SCIM (docs/scim.md). At the authority only."""

    mapping_file: Path | None = Field(
        default=None, description="What is taken from which attribute (TOML), relative to the site file."
    )
    region: str = Field(default="", description="Country of numbers written without `+`, as in `US`.")
    home: str = Field(default="", description="Site where new people live. Empty: this site.")
    most_disabled_percent: float = Field(
        default=10,
        ge=0,
        le=100,
        description="Once so many of the people were disabled within a day, the rest waits for somebody to say yes.",
    )
    keep_days: int = Field(
        default=30, ge=1, le=365, description="Days that a person whom the provider deleted can be restored."
    )


class MailSection(_Section):
    """The mail server by which alerts are sent. Without this section none is."""

    host: str = Field(min_length=1, description="Name of the server, as in its certificate.")
    port: Port = Field(default=587, description="Its port: 587 for `starttls`, 465 for `tls`.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`starttls`, `tls` from the first byte, or `none`: only for this machine's own."
    )
    user: str = Field(default="", description="Who signs in there; empty: nobody.")
    password_file: Path | None = Field(
        default=None, description="File with the password alone, mode 0600, relative to the site file."
    )
    ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that sign its certificate, relative to the site file. None: the system's.",
    )
    sender: str = Field(pattern=_MAIL_ADDRESS, description="Address that mails come from.")
    to: tuple[Annotated[str, Field(pattern=_MAIL_ADDRESS)], ...] = Field(
        min_length=1, description="Addresses that mails go to."
    )

    @model_validator(mode="after")
    def _safe(self) -> MailSection:
        if self.security == "none" and self.host not in ("localhost", "::1") and not self.host.startswith("127."):
            raise ValueError(
                '`security = "none"` is for a server on this machine: alerts and passwords would be readable'
            )
        if self.user and self.password_file is None:
            raise ValueError("`user` without `password_file`")
        return self


class WebhookSection(_Section):
    """Where alerts are posted to, as JSON. Without this section they are not."""

    url: str = Field(description="`https://...`; `http://` only to this machine.")
    secret_file: Path = Field(
        description="File with the secret that signs what is posted, mode 0600, relative to the site file."
    )
    ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that sign its certificate, relative to the site file. None: the system's.",
    )

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        near = parts.hostname == "localhost" or (parts.hostname or "").startswith("127.")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and near)):
            raise ValueError("must be https://HOST..., or http:// to this machine")
        return value


class ThresholdsSection(_Section):
    """Below these nothing raises an alert, however unusual it is. Above, it has to be much more than usual as well."""

    wrong_passwords: int = Field(default=25, ge=5, le=10_000, description="For one account, in ten minutes.")
    sprayed_accounts: int = Field(
        default=6,
        ge=3,
        le=15,
        description="Accounts that one network fails for within an hour; four times as many and one more where many "
        "people are usually.",
    )
    scanned_names: int = Field(
        default=8, ge=3, le=16, description="Names that nobody has, tried from one network within an hour."
    )
    networks: int = Field(default=4, ge=3, le=12, description="Networks that one account is used from within an hour.")
    outside_calls: int = Field(default=60, ge=5, le=100_000, description="Calls of an account to the PSTN an hour.")
    abroad_calls: int = Field(default=15, ge=2, le=100_000, description="Calls of an account abroad an hour.")
    abroad_minutes: int = Field(default=180, ge=10, le=100_000, description="Minutes of an account abroad a day.")
    abroad_at_once: int = Field(default=4, ge=2, le=32, description="Calls abroad that an account has at once.")
    exported_records: int = Field(
        default=500, ge=10, le=10_000_000, description="Records that an account takes out a day: people, audit entries."
    )
    short_calls: int = Field(
        default=15, ge=3, le=64, description="Numbers that an account has answered calls of less than 10 s to an hour."
    )
    sequential_numbers: int = Field(
        default=8, ge=4, le=32, description="Numbers close to one another that an account calls within an hour."
    )
    night_abroad: int = Field(
        default=6, ge=2, le=10_000, description="Calls of an account abroad an hour between 22 and 6 o'clock."
    )
    failed_calls: int = Field(
        default=30, ge=5, le=100_000, description="Calls of an account that nobody answers, an hour."
    )


class ActivitySection(_Section):
    """What accounts usually do, and who is told of what they do not (docs/activity.md)."""

    time_zone: str = Field(default="UTC", description="Time zone of the people's hours, as `Europe/Berlin`.")
    home_countries: tuple[Annotated[str, Field(pattern="^[A-Z]{2}$")], ...] = Field(
        default=(),
        description="Countries that calls go to without being calls abroad, as `DE`, besides the caller's own.",
    )
    country_database: Path | None = Field(
        default=None,
        description="MMDB file that tells the countries of addresses, relative to the site file. None: networks alone "
        "are looked at.",
    )
    thresholds: ThresholdsSection | None = None
    mail: MailSection | None = None
    webhook: WebhookSection | None = None

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, KeyError, OSError):
            raise ValueError(f"there is no time zone {value!r}") from None
        return value


class SiteFile(_Section):
    """The whole file."""

    site: SiteSection
    state: StateSection = StateSection()
    ports: PortsSection = PortsSection()
    pki: PkiSection = PkiSection()
    media: MediaSection = MediaSection()
    turn: TurnSection = TurnSection()
    digest: DigestSection = DigestSection()
    link: LinkSection = LinkSection()
    protection: ProtectionSection = ProtectionSection()
    activity: ActivitySection = ActivitySection()
    audit: AuditSection = AuditSection()
    records: RecordsSection = RecordsSection()
    messages: MessagesSection = MessagesSection()
    sign_in: SignInSection = SignInSection()
    scim: ScimSection = ScimSection()
    tenants: TenantsSection = TenantsSection()
    stir: StirSection = StirSection()
    connectors: ConnectorsSection | None = None
    survival: SurvivalSection = SurvivalSection()
    peer: tuple[Peer, ...] = ()
    trunk: tuple[Trunk, ...] = ()
    carrier: tuple[CarrierSection, ...] = ()
    network_site: tuple[NetworkSiteSection, ...] = ()
    source: tuple[Source, ...] = ()
    identity_provider: tuple[IdentityProvider, ...] = ()
    openid_client: tuple[OpenidClientSection, ...] = ()
    path: Path = Field(default=Path("site.toml"), exclude=True, description="Where the file was read from.")

    @model_validator(mode="after")
    def _whole(self) -> SiteFile:
        names = [self.site.name, *(peer.name for peer in self.peer)]
        if len(set(names)) != len(names):
            raise ValueError("two sites have the same name")
        authorities = sum((self.site.authority, *(peer.authority for peer in self.peer)))
        if authorities != 1 and self.site.role is not Role.CONNECTOR:
            raise ValueError("exactly one of this site and its peers must say authority = true")
        if len(self.peer) > 10:
            raise ValueError("a site has at most 10 peers")
        if len({each.name for each in self.carrier}) != len(self.carrier):
            raise ValueError("two carriers have the same name")
        if self.carrier and not self.site.authority:
            raise ValueError("carriers belong into the site file of the authority, which has the inventory of numbers")
        places = [each.name for each in self.network_site]
        if len(set(places)) != len(places):
            raise ValueError("two network sites have the same name")
        for trunk in self.trunk:
            if trunk.network_site and trunk.network_site not in places:
                raise ValueError(f"trunk {trunk.name}: there is no network site {trunk.network_site!r}")
        if len({trunk.name for trunk in self.trunk}) != len(self.trunk) or len(self.trunk) > 100:
            raise ValueError("two trunks have the same name, or there are more than 100")
        if self.media.relay == "never" and any(trunk.media != "rtp" or trunk.codecs for trunk in self.trunk):
            raise ValueError('media.relay = "never": then no trunk can have `media` or `codecs` of its own')
        if self.turn.enabled:
            if self.site.role is Role.CONNECTOR or self.media.relay == "never":
                raise ValueError("turn.enabled takes a media relay, and is nothing for a connector")
            if self.turn.relay_low <= self.media.rtp_high and self.media.rtp_low <= self.turn.relay_high:
                raise ValueError("the ports of [turn] and of [media] overlap")
        if len({source.name for source in self.source}) != len(self.source):
            raise ValueError("two sources have the same name")
        if self.source and not self.site.authority:
            raise ValueError("sources belong into the site file of the authority")
        if len({provider.name for provider in self.identity_provider}) != len(self.identity_provider):
            raise ValueError("two identity providers have the same name")
        clients = [client.id for client in self.openid_client]
        if len({"console", "phone", *clients}) != len(clients) + 2:
            raise ValueError("two OpenID clients have the same id (`console` and `phone` are the site's own)")
        if self.site.role is not Role.CONNECTOR and not self.site.domains:
            raise ValueError("site.domains is empty: nobody could live here")
        if self.site.role is Role.CONNECTOR and len(self.peer) != 1:
            raise ValueError("a connector has exactly one [[peer]], the site that it belongs to")
        return self

    @property
    def connector_slots(self) -> int:
        """Most connectors at a time that may come to this site."""
        if self.connectors is not None:
            return self.connectors.slots
        return _SLOTS if self.site.role is Role.ONLINE else 0

    @property
    def upstream(self) -> str:
        """Of a connector, the name of the site that judges for it; else empty."""
        return self.peer[0].name if self.site.role is Role.CONNECTOR else ""

    @property
    def state_dir(self) -> Path:
        """The state folder, absolute."""
        return (self.path.parent / self.state.directory).resolve()

    @property
    def run_dir(self) -> Path:
        """Sockets and rendered configuration; rebuilt at every start."""
        return self.state_dir / "run"

    @property
    def log_dir(self) -> Path:
        """One log file for each process."""
        return self.state_dir / "log"

    @property
    def pki_dir(self) -> Path:
        """This site's certificate (`site.pem`: certificate, chain and key, 0600) and the CA (`ca.pem`)."""
        return self.state_dir / "pki"

    @property
    def ca_dir(self) -> Path | None:
        """The private CA's folder, absolute; None where this machine does not hold the CA."""
        if self.pki.ca_directory is None:
            return None
        return (self.path.parent / self.pki.ca_directory).resolve()

    @property
    def snapshot_dir(self) -> Path:
        """The LMDB environment that `decide` reads.

        A connector's is in memory, where the machine has /dev/shm: what it has learned lies on its disk sealed alone.
        """
        memory = Path("/dev/shm")  # noqa: S108 (made private before it is used, or refused)
        if not self.upstream or not os.access(memory, os.W_OK):
            return self.state_dir / "snapshot"
        own = hashlib.sha256(f"{os.getuid()} {self.state_dir}".encode()).hexdigest()[:24]
        return memory / f"isthmus-{own}"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the site's database."""
        return self.state.database or f"sqlite:///{self.state_dir / 'isthmus.db'}"

    @property
    def database_files(self) -> tuple[Path, ...]:
        """The SQLite files of the control service: the site's database and its workflows'; none with PostgreSQL."""
        driver, _, place = self.database_url.partition(":///")
        if driver.partition("+")[0] != "sqlite":
            return ()
        path = Path(place.partition("?")[0])
        return path, path.with_name(WORKFLOW_FILE)


def load(path: Path) -> SiteFile:
    """Read and check a site file.

    Raises UsageError with every fault at once, each with its place in the file.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError("there is no such site file", where=str(path)) from None
    except OSError as error:
        raise UsageError(f"the site file can't be read ({error.strerror})", where=str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"the site file can't be read (line {line} is not UTF-8)", where=str(path), do="Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not valid TOML: {error}", where=str(path)) from error
    return validated(raw, path)


def validated(raw: Mapping[str, Any], path: Path) -> SiteFile:
    """The site file that says this. path: where it is or will be. Raises UsageError with every fault at once."""
    try:
        return SiteFile.model_validate({**raw, "path": path.resolve()})
    except ValidationError as error:
        faults = "; ".join(map(_in_words, error.errors()))
        raise UsageError(faults, where=str(path), do="docs/site-file.md explains every setting.") from error


def _in_words(fault: ErrorDetails) -> str:
    """One fault, with its place in the file, for whoever wrote the file and not this program."""
    place = ".".join(str(part) for part in fault["loc"]) or "the file"
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), _settings(fault["loc"][:-1]), 1)
        return f"{place}: there is no such setting" + (f" (is {near[0]} meant?)" if near else "")
    if kind == "missing":
        return f"{place}: is missing"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{place}: must be a section, not {given!r}"
    if kind.startswith("bool_"):
        return f"{place}: must be true or false, not {given!r}"
    if kind == "string_pattern_mismatch":
        return f"{place}: {given!r} does not have the form {fault['ctx']['pattern']}"
    told = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{place}: {told}" if told == fault["msg"] or "Value error" in fault["msg"] else f"{place}: must be {told}"


def _settings(place: tuple[int | str, ...]) -> list[str]:
    """Names of what may stand at a place of the file."""
    section: type[BaseModel] = SiteFile
    for name in (part for part in place if isinstance(part, str)):
        kind = section.model_fields[name].annotation
        inner = [part for part in (kind, *get_args(kind)) if isinstance(part, type) and issubclass(part, BaseModel)]
        if not inner:
            return []
        section = inner[0]
    return list(section.model_fields)
