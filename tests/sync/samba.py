"""A real Samba as Active Directory domain controller, with the incumbent's attributes in its schema."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
import ldap.modlist
from ldap.controls import LDAPControl

from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority
from isthmus.sync.sources.connection import Directory, Server
from tests.support import Process, Processes

REALM = "ad.contoso.example"
ROOT = "DC=ad,DC=contoso,DC=example"
STAFF = f"OU=Staff,{ROOT}"
SECRET = "Passw0rd!x"
_OIDS = "1.3.6.1.4.1.55555.1"
_SOCKETS = ("ldapi", "ldap_priv", "msg.sock")
_TEXT, _BOOLEAN, _SID = ("2.5.5.12", "64"), ("2.5.5.8", "1"), ("2.5.5.17", "4")
_ATTRIBUTES = {
    "msRTCSIP-PrimaryUserAddress": _TEXT,
    "msRTCSIP-Line": _TEXT,
    "msRTCSIP-DeploymentLocator": _TEXT,
    "msRTCSIP-UserEnabled": _BOOLEAN,
    "msRTCSIP-OriginatorSID": _SID,
    "msRTCSIP-OwnerUrn": _TEXT,
}


class Samba:
    """One domain controller. Its people are below STAFF; `reader` is an account that can only read."""

    def __init__(self, folder: Path, address: str, processes: Processes) -> None:
        self.folder, self.address, self._processes = folder, address, processes
        self.dc = folder / "dc"
        self.ca = CertificateAuthority.create(folder / "ca", "Test CA")
        self.process: Process | None = None
        self._provision()
        self._extend_schema()

    def server(self, **more: object) -> Server:
        account = {"user": f"reader@{REALM}", "password": SECRET}
        return Server(
            **{"uris": (f"ldaps://{self.address}",), "ca_file": self.folder / "ca" / "ca.pem", **account, **more}
        )

    def start(self) -> Samba:
        self.process = self._processes.start(
            [shutil.which("samba") or "/usr/sbin/samba", "-i", "-M", "single", "-s", str(self.dc / "etc" / "smb.conf")],
            name="samba", ready=self._answers, timeout=30,
        )  # fmt: skip
        return self

    def stop(self) -> None:
        assert self.process is not None
        self.process.stop()

    def prepare(self) -> Samba:
        """Make the places and accounts that the tests use."""
        self.add(STAFF, objectClass=["organizationalUnit"], ou="Staff")
        for name in ("Sales", "Groups"):
            self.add(f"OU={name},{STAFF}", objectClass=["organizationalUnit"], ou=name)
        self.add(f"OU=Elsewhere,{ROOT}", objectClass=["organizationalUnit"], ou="Elsewhere")
        reader = f"CN=reader,CN=Users,{ROOT}"
        self.add(
            reader, objectClass=["user"], sAMAccountName="reader", userPrincipalName=f"reader@{REALM}",
            unicodePwd=f'"{SECRET}"'.encode("utf-16-le"), userAccountControl="512",
        )  # fmt: skip
        return self

    @contextlib.contextmanager
    def admin(self) -> Iterator[Any]:
        with Directory.open(self.server(user=f"Administrator@{REALM}")) as directory:
            yield directory._connection

    def add(self, dn: str, **attributes: str | bytes | list[str]) -> None:
        with self.admin() as connection:
            connection.add_s(dn, ldap.modlist.addModlist({_name(n): _raw(v) for n, v in attributes.items()}))

    def person(self, user: str, *, ou: str = STAFF, **more: str | list[str]) -> str:
        """Add a person whose SIP address is user@contoso.example; gives their DN."""
        dn = f"CN={user.capitalize()},{ou}"
        attributes: dict[str, str | list[str]] = {
            "objectClass": ["user"],
            "sAMAccountName": user,
            "displayName": user.capitalize(),
            "msRTCSIP_PrimaryUserAddress": f"sip:{user}@contoso.example",
            "userAccountControl": "544",  # enabled, no password wanted
        }
        self.add(dn, **{**attributes, **more})
        return dn

    def people(self, users: list[str], ou: str) -> list[str]:
        """Add many people in one go; gives their DNs."""
        lines = [
            f"dn: CN={user},{ou}\nobjectClass: user\nsAMAccountName: {user}\nuserAccountControl: 544\n"
            f"msRTCSIP-PrimaryUserAddress: sip:{user}@contoso.example\n"
            for user in users
        ]
        self._ldb("ldbadd", input_="\n".join(lines))
        return [f"CN={user},{ou}" for user in users]

    def backup(self, to: Path) -> Path:
        """A copy of the databases, as a snapshot of the machine would be. Only while it is down."""
        shutil.copytree(self.dc / "private", to, ignore=lambda _, names: [n for n in names if n in _SOCKETS])
        return to

    def restore(self, backup: Path) -> None:
        """Put the copy back. Only while it is down."""
        shutil.rmtree(self.dc / "private")
        shutil.copytree(backup, self.dc / "private")

    def set(self, dn: str, **attributes: str | list[str] | None) -> None:
        with self.admin() as connection:
            connection.modify_s(
                dn,
                [(ldap.MOD_REPLACE, _name(n), None if v is None else _raw(v)) for n, v in attributes.items()],
            )

    def move(self, dn: str, rdn: str, superior: str | None = None) -> str:
        with self.admin() as connection:
            connection.rename_s(dn, rdn, superior)
        return f"{rdn},{superior or dn.partition(',')[2]}"

    def delete(self, dn: str) -> None:
        with self.admin() as connection:
            connection.delete_s(dn)

    def reanimate(self, name: str, dn: str) -> None:
        """Bring a deleted object back, as AD's recycle bin does (MS-ADTS 3.1.1.5.3.7.3)."""
        show_deleted = LDAPControl("1.2.840.113556.1.4.417", criticality=True)
        with self.admin() as connection:
            found = connection.search_ext_s(
                ROOT, ldap.SCOPE_SUBTREE, f"(&(isDeleted=TRUE)(name={name}*))", ["1.1"], serverctrls=[show_deleted]
            )
            old = next(each for each, _ in found if each is not None)
            connection.modify_ext_s(
                old,
                [(ldap.MOD_DELETE, "isDeleted", None), (ldap.MOD_REPLACE, "distinguishedName", [dn.encode()])],
                serverctrls=[show_deleted],
            )

    def become_another(self) -> None:
        """A new invocationId, as after a restore or at another domain controller. Only while it is down."""
        service = self._ldb("ldbsearch", "(objectClass=nTDSDSA)", "dn")
        dn = re.search(r"^dn: (.*)$", service, re.MULTILINE)
        assert dn is not None
        self._modify(f"dn: {dn[1]}\nchangetype: modify\nreplace: invocationId\ninvocationId: {uuid.uuid4()}\n")

    def _provision(self) -> None:
        subprocess.run(
            ["samba-tool", "domain", "provision", f"--realm={REALM}", "--domain=CONTOSO", f"--adminpass={SECRET}",
             f"--targetdir={self.dc}", "--dns-backend=NONE", "--host-name=dc1", f"--host-ip={self.address}",
             # With the mask: only then an address that no interface has by itself is taken.
             f"--option=interfaces={self.address}/8", "--option=bind interfaces only=yes"],
            check=True, capture_output=True,
        )  # fmt: skip
        pem = self.ca.issue(certificate_names(f"dc1.{REALM}", self.address), 30).decode()
        for name, kind in (("cert.pem", "CERTIFICATE"), ("key.pem", "PRIVATE KEY")):
            blocks = re.findall(rf"-----BEGIN [A-Z ]*{kind}-----.*?-----END [A-Z ]*{kind}-----\n", pem, re.DOTALL)
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text("".join(blocks))
        for name in ("run", "lock"):
            (self.folder / name).mkdir()
        conf = self.dc / "etc" / "smb.conf"
        text = re.sub(r"server services = .*", "server services = ldap", conf.read_text())
        ours = (
            f"tls enabled = yes\ntls keyfile = {self.folder}/key.pem\ntls certfile = {self.folder}/cert.pem\n"
            f"tls cafile = {self.folder}/ca/ca.pem\nlog file = {self.folder}/log\npid directory = {self.folder}/run\n"
            f"lock directory = {self.folder}/lock\nncalrpc dir = {self.folder}/run/ncalrpc\n"
        )
        conf.write_text(text.replace("[global]\n", f"[global]\n{ours}"))

    def _extend_schema(self) -> None:
        schema = f"CN=Schema,CN=Configuration,{ROOT}"
        # All in one go: each go reads the whole schema.
        self._modify(
            "\n".join(
                f"dn: CN={name},{schema}\nchangetype: add\nobjectClass: attributeSchema\ncn: {name}\n"
                f"attributeID: {_OIDS}.{number}\nlDAPDisplayName: {name}\nattributeSyntax: {syntax}\n"
                f"oMSyntax: {om}\nisSingleValued: TRUE\nsearchFlags: 1\n"
                for number, (name, (syntax, om)) in enumerate(_ATTRIBUTES.items())
            )
        )
        allowed = "".join(f"mayContain: {name}\n" for name in _ATTRIBUTES)
        self._modify(f"dn: CN=User,{schema}\nchangetype: modify\nadd: mayContain\n{allowed}")

    def _modify(self, ldif: str) -> None:
        self._ldb("ldbmodify", "--option=dsdb:schema update allowed=true", "--relax", input_=ldif)

    def _ldb(self, program: str, *arguments: str, input_: str = "") -> str:
        database = self.dc / "private" / "sam.ldb"
        cross = ["--cross-ncs"] if program == "ldbsearch" else []
        done = subprocess.run(
            [program, "-H", database, *cross, *arguments], input=input_, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _answers(self) -> bool:
        with self.admin():
            return True


def _name(name: str) -> str:
    return name.replace("_", "-")


def _raw(value: str | bytes | list[str]) -> list[bytes]:
    if isinstance(value, bytes):
        return [value]
    return [each.encode() for each in ([value] if isinstance(value, str) else value)]
