"""Puts the site together as an OpenID provider: its own pages, and the programs that the site file names."""

from __future__ import annotations

import logging
from collections.abc import Callable

from isthmus.errors import IsthmusError
from isthmus.identity.build import Identity
from isthmus.provider.model import OpenidClient
from isthmus.provider.service import OpenidProvider
from isthmus.site.file import OpenidClientSection, SiteFile
from isthmus.site.private import read_secret

_log = logging.getLogger(__name__)
_OWN_PAGES = ("console", "phone")


def build_provider(
    site_file: SiteFile, identity: Identity, admitted: Callable[[str | None], None] = lambda tenant: None
) -> OpenidProvider:
    """The provider. A program whose secret can't be read is left out, and the log says so."""
    port = site_file.ports.web
    issuer = f"https://{site_file.site.fqdn}" + ("" if port == 443 else f":{port}")
    own = [
        OpenidClient(name, (f"{issuer}/{name}/callback",), logout_uris=(f"{issuer}/{name}/",), api=True)
        for name in _OWN_PAGES
    ]
    named = [made for each in site_file.openid_client if (made := _client(site_file, each)) is not None]
    return OpenidProvider(identity.ledger, identity.sealer, identity.sign_in.settings, issuer, [*own, *named], admitted)


def _client(site_file: SiteFile, wanted: OpenidClientSection) -> OpenidClient | None:
    try:
        secret = read_secret(site_file.path.parent / wanted.secret_file) if wanted.secret_file else ""
    except IsthmusError as error:
        _log.warning("nobody can sign in to %s: %s", wanted.id, error)
        return None
    return OpenidClient(
        id=wanted.id,
        redirect_uris=wanted.redirect_uris,
        tenant=wanted.tenant or site_file.site.tenant,
        secret=secret,
        logout_uris=wanted.logout_uris,
        algorithm=wanted.algorithm,
    )
