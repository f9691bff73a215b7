"""A connector enrols: it makes its own key, shows its code to the site that it was made for, and gets its certificate.

Who answers is known by the CA's certificate in the package and by the name in it: nobody else learns the code.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from isthmus.addressing.hostport import bracketed
from isthmus.connectors.local import Folder, Local
from isthmus.errors import ForbiddenError, IsthmusError, RefusedError, TooManyError, UnavailableError, UsageError
from isthmus.pki import store
from isthmus.pki.service import key_pem, request_pem
from isthmus.site import internal

_TIMEOUT_S = 20.0


def enrol(
    facts: Mapping[str, Any], code: str, folder: Folder, address: str, internal_address: str, **ports: int
) -> Local:
    """Enrol the connector that a package is for. facts: of the package. address: of this machine.

    The key lies in the folder from before the code is shown: asked again, since the answer was lost, it is the same.
    Raises RefusedError (there is one already; the code is not good), UnavailableError (no answer), UsageError.
    """
    if folder.exists():
        raise RefusedError("there is a connector here already", where=str(folder.path), do="Choose another folder.")
    online, ca = dict(facts["online"]), str(facts["online"]["ca"]).encode("ascii")
    if store.fingerprint(ca, "the package") != online["fingerprint"]:
        raise UsageError("the package's certificate is not the one that it says", do="Make a new package.")
    key = _key(folder.key)
    answer = _ask(online, ca, code, request_pem("connector", key))
    certificate = str(answer["certificate"]).encode("ascii")
    checked_certificate(certificate, key, str(answer["fqdn"]))
    reach = {name: online[name] for name in ("name", "fqdn", "address", "web", "link_sip", "link_api")}
    local = Local(
        name=str(answer["name"]),
        site=str(answer["site"]),
        tenant=str(answer["tenant"]),
        fqdn=str(answer["fqdn"]),
        address=address,
        internal_address=internal_address,
        online=reach,
        ports=dict(ports),
    )
    folder.keep_local(local)
    site = folder.work_by("", {})
    install_certificate(
        site.pki_dir, ca, certificate, key, internal.site_certificate(site), internal.ca_certificate(site)
    )
    folder.key.unlink()
    return local


def checked_certificate(pem: bytes, key: ec.EllipticCurvePrivateKey, fqdn: str) -> None:
    """See that a certificate that came is for this key and this name. Raises RefusedError, UsageError."""
    found = store.parse_certificate(pem, "the answer")
    if found.public_key() != key.public_key() or store.describe(found).names.fqdn != fqdn:
        raise RefusedError("the certificate that came is for another key, or another name")


def install_certificate(
    pki: Path, ca: bytes, certificate: bytes, key: ec.EllipticCurvePrivateKey, site_file: Path, ca_file: Path
) -> None:
    """Put a certificate, with its chain, and its key where the engines read them."""
    store.private_folder(pki)
    store.write_private(ca_file, ca)
    store.write_private(site_file, certificate + key_pem(key))


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        return store.parse_key(path.read_bytes(), str(path))
    made = ec.generate_private_key(ec.SECP256R1())
    store.write_private(path, key_pem(made))
    return made


def _ask(online: Mapping[str, Any], ca: bytes, code: str, request: bytes) -> dict[str, Any]:
    where = f"{online['fqdn']} ({bracketed(online['address'])}:{online['web']})"
    context = ssl.create_default_context(cadata=ca.decode("ascii"))
    url = f"https://{bracketed(online['address'])}:{online['web']}/v1/connectors/enrol"
    headers = {"Host": f"{online['fqdn']}:{online['web']}"}
    try:
        with httpx.Client(verify=context, timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.post(
                url,
                json={"code": code, "request": request.decode("ascii")},
                headers=headers,
                extensions={"sni_hostname": online["fqdn"]},
            )
            body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnavailableError(
            f"no answer that can be trusted ({error})", where=where, do="Can this machine open connections there?"
        ) from error
    if answer.is_success and isinstance(body, dict):
        return body
    what = str(body.get("what", f"answer {answer.status_code}")) if isinstance(body, dict) else "a strange answer"
    do = str(body.get("do", "")) if isinstance(body, dict) else ""
    if answer.status_code == 429:
        raise TooManyError(what, retry_after_s=float(answer.headers.get("Retry-After", "0") or 0), where=where, do=do)
    kind: type[IsthmusError] = ForbiddenError if answer.status_code == 403 else RefusedError
    raise kind(what, where=where, do=do)
