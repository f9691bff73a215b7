"""Puts sign-in by providers outside together, as the site file says."""

from __future__ import annotations

from pathlib import Path

from isthmus.errors import UsageError
from isthmus.federation.model import Openid, Outside, Terms
from isthmus.federation.openid import OpenidProvider
from isthmus.federation.service import Federation, Passwords, Provider
from isthmus.identity.build import Identity
from isthmus.site.file import IdentityProvider, SiteFile
from isthmus.site.private import read_secret


def build_federation(site_file: SiteFile, identity: Identity) -> Federation:
    """The providers of the site. Raises UsageError for a client secret that can't be read."""
    providers = [_provider(site_file, each) for each in site_file.identity_provider]
    return Federation(identity.ledger, identity.sealer, identity.sign_in, identity.own, providers)


def _provider(site_file: SiteFile, wanted: IdentityProvider) -> Provider:
    terms = Terms(
        name=wanted.name,
        title=wanted.title or wanted.name,
        tenant=wanted.tenant or site_file.site.tenant,
        source=wanted.source,
        accounts=wanted.accounts,
    )
    if wanted.kind == "ldap":
        return Provider(terms, passwords=_Directory(site_file.path.parent, wanted))
    return Provider(terms, redirecting=OpenidProvider(_openid(site_file, wanted)))


class _Directory:
    """Reads the password file at each use: a change needs no restart."""

    def __init__(self, folder: Path, wanted: IdentityProvider) -> None:
        self._folder, self._wanted = folder, wanted

    def ask(self, name: str, password: str) -> Outside:
        return self._directory().ask(name, password)

    def _directory(self) -> Passwords:
        try:
            # Debian's python3-ldap; a site without LDAP runs without it.
            from isthmus.federation.ldap import LdapPasswords, Lookup
            from isthmus.sync.sources.connection import Server
        except ImportError as error:
            raise UsageError(
                f"python-ldap is missing ({error})", do="Install Debian's python3-ldap: deploy/bootstrap does."
            ) from error
        wanted, folder = self._wanted, self._folder
        server = Server(
            wanted.servers,
            wanted.user,
            read_secret(folder / wanted.password_file) if wanted.password_file else "",
            (folder / wanted.ca_file).resolve() if wanted.ca_file else None,
        )
        lookup = Lookup(wanted.base, wanted.filter, wanted.name_attributes, wanted.id_attribute)
        return LdapPasswords(f"ldap:{wanted.name}", server, lookup)


def _openid(site_file: SiteFile, wanted: IdentityProvider) -> Openid:
    folder, port = site_file.path.parent, site_file.ports.web
    host = site_file.site.fqdn if port == 443 else f"{site_file.site.fqdn}:{port}"
    return Openid(
        issuer=wanted.issuer,
        client_id=wanted.client_id,
        secret=read_secret(folder / wanted.client_secret_file) if wanted.client_secret_file else "",
        redirect_uri=f"https://{host}/v1/session/outside/{wanted.name}/callback",
        scopes=wanted.scopes,
        algorithms=wanted.algorithms,
        entry_claim=wanted.entry_claim,
        login_claim=wanted.login_claim,
        acr=wanted.second_factor_acr,
        amr=wanted.second_factor_amr,
        ca_file=(folder / wanted.ca_file).resolve() if wanted.ca_file else None,
    )
