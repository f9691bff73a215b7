"""Site files for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus.pki.service import CertificateAuthority
from isthmus.site.file import SiteFile, load

TEMPLATE = """
[site]
name = "premises"
role = "premises"
fqdn = "premises.contoso.example"
domains = ["contoso.example"]
address = "{address}"
internal_address = "{inner}"
authority = true

[pki]
ca_directory = "../ca"

[[peer]]
name = "online"
fqdn = "online.contoso.example"
address = "{peer}"
"""


def site_file(folder: Path, address: str, inner: str, **sections: Any) -> SiteFile:
    """A site that is not on disk."""
    values = {
        "name": "premises",
        "role": "premises",
        "fqdn": "premises.contoso.example",
        "domains": ["contoso.example"],
        "address": address,
        "internal_address": inner,
        "authority": True,
    }
    return SiteFile.model_validate({"site": values, "path": folder / "premises" / "site.toml", **sections})


def site_on_disk(folder: Path, address: str, inner: str, peer: str, extra: str = "") -> SiteFile:
    """A site file `folder`/premises/site.toml with a CA beside it."""
    path = folder / "premises" / "site.toml"
    path.parent.mkdir()
    path.write_text(TEMPLATE.format(address=address, inner=inner, peer=peer) + extra)
    CertificateAuthority.create(folder / "ca")
    return load(path)
