"""A real slapd for tests: in a temporary folder, on a loopback address, with TLS from a CA of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import ldap
import ldap.modlist

from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority
from isthmus.sync.sources.connection import Directory, Server
from tests.support import Process, Processes

BASE = "dc=contoso,dc=example"
ADMIN, READER = f"cn=admin,{BASE}", f"cn=reader,{BASE}"
SECRET = "a secret"
_PORT = 636
_SCHEMA = """
attributetype ( 1.3.6.1.4.1.55555.1 NAME 'msRTCSIP-PrimaryUserAddress' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15
  EQUALITY caseIgnoreMatch SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.55555.2 NAME 'msRTCSIP-Line' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15
  EQUALITY caseIgnoreMatch SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.55555.3 NAME 'msRTCSIP-DeploymentLocator' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15
  EQUALITY caseIgnoreMatch SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.55555.4 NAME 'msRTCSIP-UserEnabled' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7
  EQUALITY booleanMatch SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.55555.5 NAME 'rtcPerson' SUP top AUXILIARY MAY ( msRTCSIP-PrimaryUserAddress $
  msRTCSIP-Line $ msRTCSIP-DeploymentLocator $ msRTCSIP-UserEnabled ) )
"""
_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {folder}/rtc.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
moduleload syncprov.la
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.pem
sizelimit {limit}
database mdb
maxsize 1073741824
suffix "dc=contoso,dc=example"
rootdn "{admin}"
rootpw "{secret}"
directory {folder}/db
dbnosync
index objectClass,entryUUID,entryCSN,cn eq
index mail,msRTCSIP-PrimaryUserAddress pres,eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
{overlay}
"""
# What makes slapd tell changes (slapo-syncprov): with a log it says who is gone, without one who is still there.
TELLING, TELLING_WITH_LOG = "overlay syncprov", "overlay syncprov\nsyncprov-sessionlog 100"


class Slapd:
    """One server. `entries` are loaded before it starts, by slapadd."""

    def __init__(self, folder: Path, address: str, processes: Processes, *, limit: str = "unlimited",
                 overlay: str = "") -> None:  # fmt: skip
        self.folder, self.address, self._processes = folder, address, processes
        (folder / "db").mkdir(parents=True)
        self.ca = CertificateAuthority.create(folder / "ca", "Test CA")
        self.certify("ldap.contoso.example", address)
        (folder / "rtc.schema").write_text(_SCHEMA.replace("\n  ", " "))
        conf = _CONF.format(folder=folder, admin=ADMIN, reader=READER, secret=SECRET, limit=limit,
                            overlay=overlay)  # fmt: skip
        (folder / "slapd.conf").write_text(conf)
        self.load([(BASE, {"objectClass": ["dcObject", "organization"], "dc": "contoso", "o": "Contoso"}),
                   (READER, {"objectClass": ["person"], "cn": "reader", "sn": "r", "userPassword": SECRET}),
                   (f"ou=people,{BASE}", {"objectClass": ["organizationalUnit"], "ou": "people"}),
                   (f"ou=sales,ou=people,{BASE}", {"objectClass": ["organizationalUnit"], "ou": "sales"}),
                   (f"ou=groups,{BASE}", {"objectClass": ["organizationalUnit"], "ou": "groups"})])  # fmt: skip
        self.process: Process | None = None

    @property
    def uri(self) -> str:
        return f"ldaps://{self.address}:{_PORT}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca" / "ca.pem"

    def certify(self, name: str, address: str) -> None:
        """A certificate for this name and address."""
        (self.folder / "server.pem").write_bytes(self.ca.issue(certificate_names(name, address), 30))

    def load(self, entries: Iterable[tuple[str, Mapping[str, str | list[str]]]]) -> None:
        """Add entries while the server is down."""
        lines: list[str] = []
        for dn, attributes in entries:
            lines.append(f"dn: {dn}")
            for name, values in attributes.items():
                lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values)]
            lines.append("")
        subprocess.run(
            ["slapadd", "-q", "-f", self.folder / "slapd.conf"],
            input="\n".join(lines), text=True, check=True, capture_output=True,
        )  # fmt: skip

    @property
    def command(self) -> list[str]:
        """What runs it."""
        program = shutil.which("slapd") or "/usr/sbin/slapd"
        addresses = f"{self.uri} ldap://{self.address}:389"
        return [program, "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", addresses]

    def start(self) -> Slapd:
        self.process = self._processes.start(self.command, name="slapd", ready=self._answers)
        return self

    def stop(self) -> None:
        assert self.process is not None
        self.process.stop()

    def server(self, **more: object) -> Server:
        """As a source is told of it: the account may only read."""
        return Server(**{"uris": (self.uri,), "user": READER, "password": SECRET, "ca_file": self.ca_file, **more})

    @contextlib.contextmanager
    def admin(self):
        """A connection that may write: python-ldap's own."""
        with Directory.open(self.server(user=ADMIN)) as directory:
            yield directory._connection

    def add(self, dn: str, **attributes: str | list[str]) -> None:
        with self.admin() as connection:
            connection.add_s(dn, ldap.modlist.addModlist(_raw(attributes)))

    def person(self, user: str, number: str | None = None, ou: str = "people", **more: str | list[str]) -> str:
        """Add a person; gives their DN."""
        below = f"ou=people,{BASE}" if ou == "people" else f"ou={ou},ou=people,{BASE}"
        dn = f"uid={user},{below}"
        self.add(dn, **person(user, number), **more)
        return dn

    def set(self, dn: str, **attributes: str | list[str] | None) -> None:
        with self.admin() as connection:
            connection.modify_s(
                dn, [(ldap.MOD_REPLACE, _name(name), None if value is None else _raw({"x": value})["x"])
                     for name, value in attributes.items()],
            )  # fmt: skip

    def move(self, dn: str, rdn: str, superior: str | None = None) -> None:
        with self.admin() as connection:
            connection.rename_s(dn, rdn, superior)

    def delete(self, dn: str) -> None:
        with self.admin() as connection:
            connection.delete_s(dn)

    def _answers(self) -> bool:
        with self.admin():
            return True


def person(user: str, number: str | None = None) -> dict[str, str | list[str]]:
    """The attributes of a person."""
    return {
        "objectClass": ["inetOrgPerson", "rtcPerson"],
        "uid": user,
        "cn": user.capitalize(),
        "sn": user,
        "displayName": user.capitalize(),
        "mail": f"{user}@contoso.example",
        **({"telephoneNumber": number} if number else {}),
    }


def _name(name: str) -> str:
    return name.replace("_", "-")


def _raw(attributes: Mapping[str, str | list[str]]) -> dict[str, list[bytes]]:
    return {
        _name(name): [value.encode() for value in ([values] if isinstance(values, str) else values)]
        for name, values in attributes.items()
    }
