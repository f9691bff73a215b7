"""Puts the site together as an OpenID provider: its own pages, and the programs that the site file names."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.identity.build import Identity
from isthmus.provider.model import OpenidClient
from isthmus.provider.service import OpenidProvider
from isthmus.site.file import SiteFile
from isthmus.site.private import read_secret

_OWN_PAGES = ("console", "phone")


def build_provider(
    site_file: SiteFile, identity: Identity, admitted: Callable[[str | None], None] = lambda tenant: None
) -> OpenidProvider:
    """The provider. Raises UsageError for a client secret that can't be read."""
    port = site_file.ports.web
    issuer = f"https://{site_file.site.fqdn}" + ("" if port == 443 else f":{port}")
    own = [
        OpenidClient(name, (f"{issuer}/{name}/callback",), logout_uris=(f"{issuer}/{name}/",), api=True)
        for name in _OWN_PAGES
    ]
    named = [
        OpenidClient(
            id=each.id,
            redirect_uris=each.redirect_uris,
            tenant=each.tenant or site_file.site.tenant,
            secret=read_secret(site_file.path.parent / each.secret_file) if each.secret_file else "",
            logout_uris=each.logout_uris,
            algorithm=each.algorithm,
        )
        for each in site_file.openid_client
    ]
    return OpenidProvider(identity.ledger, identity.sealer, identity.sign_in.settings, issuer, [*own, *named], admitted)
