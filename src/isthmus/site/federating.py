"""Puts sign-in by providers outside together, as the site file says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from isthmus.errors import UnavailableError, UsageError
from isthmus.federation.model import Openid, Outside, Saml, Terms, Waiting
from isthmus.federation.openid import OpenidProvider
from isthmus.federation.service import Federation, Passwords, Provider
from isthmus.identity.build import Identity
from isthmus.site.file import IdentityProvider, SiteFile
from isthmus.site.private import read_secret

_log = logging.getLogger(__name__)


def build_federation(site_file: SiteFile, identity: Identity) -> Federation:
    """The providers of the site. What one of them needs is read when it is used: a fault is its own, not the site's."""
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
    if wanted.kind == "saml":
        return Provider(terms, redirecting=(late := _Late(lambda: _saml(site_file, wanted))), metadata=late.metadata)
    return Provider(terms, redirecting=_Late(lambda: OpenidProvider(_openid(site_file, wanted))))


class _Late:
    """A provider that is put together when it is first used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._provider, self._lock = make, None, threading.Lock()

    def made(self) -> Any:
        """The provider itself. Raises UsageError where its settings are not right."""
        with self._lock:
            if self._provider is None:
                self._provider = self._make()
            return self._provider

    def address(self, state: str, waiting: Waiting) -> str:
        return str(self._used(lambda made: made.address(state, waiting)))

    def outside(self, waiting: Waiting, answer: Mapping[str, str]) -> Outside:
        found: Outside = self._used(lambda made: made.outside(waiting, answer))
        return found

    def metadata(self) -> bytes:
        found: bytes = self._used(lambda made: made.metadata())
        return found

    def _used(self, use: Callable[[Any], Any]) -> Any:
        try:
            return use(self.made())
        except UsageError as error:
            _log.warning("a provider can't be used: %s", error)
            raise UnavailableError("the provider is not set up right", do="The site's log says why.") from error


def _saml(site_file: SiteFile, wanted: IdentityProvider) -> Any:
    # Its libraries take a quarter of a second, which sites without SAML need not wait for.
    from isthmus.federation.saml import SamlProvider, provider_of

    folder, base = site_file.path.parent, f"https://{_host(site_file)}/v1/session/outside/{wanted.name}"

    def settings() -> Saml:
        entity_id, sign_on, certificates = provider_of(_read(folder / (wanted.metadata_file or "")))
        return Saml(
            entity_id=entity_id,
            sign_on=sign_on,
            certificates=certificates,
            sp_entity_id=f"{base}/metadata",
            acs=f"{base}/acs",
            subject_attribute=wanted.subject_claim,
            entry_attribute=wanted.entry_claim,
            login_attribute=wanted.login_claim,
            acr=wanted.second_factor_acr,
            key=read_secret(folder / wanted.request_key_file).encode() if wanted.request_key_file else None,
        )

    return SamlProvider(settings)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the metadata can't be read ({error.strerror})", where=str(path)) from error


def _host(site_file: SiteFile) -> str:
    port = site_file.ports.web
    return site_file.site.fqdn if port == 443 else f"{site_file.site.fqdn}:{port}"


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
    folder, host = site_file.path.parent, _host(site_file)
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
