"""coturn's configuration, rendered from the site file: the same file and secret give the same text."""

from __future__ import annotations

import ipaddress
import secrets

from isthmus.pki import store
from isthmus.site import internal
from isthmus.site.file import SiteFile
from isthmus.site.private import read_secret

# Seconds after which a client has to prove itself with another nonce (RFC 8489 section 14.10).
_NONCE_S = 600


def command(site: SiteFile) -> list[str]:
    """How the supervisor starts it: in the foreground, from the rendered file, which holds the secret."""
    return ["turnserver", "-c", str(internal.coturn_config(site))]


def prepare(site: SiteFile) -> None:
    """Write what it reads at its start; the secret is made once. Raises UsageError."""
    path = internal.turn_secret(site)
    if not path.exists():
        store.write_private(path, secrets.token_hex(32).encode())
    store.write_private(internal.coturn_config(site), render(site, read_secret(path, "secret of TURN")).encode())


def render(site: SiteFile, secret: str) -> str:
    """The whole configuration. secret: what credentials are made of (isthmus.turn.rules)."""
    turn, address = site.turn, site.site.address
    certificate = internal.site_certificate(site)
    lines = [
        f"listening-ip={address}",
        f"relay-ip={address}",
        f"listening-port={turn.port}",
        f"tls-listening-port={turn.tls_port}",
        f"min-port={turn.relay_low}",
        f"max-port={turn.relay_high}",
        f"realm={site.site.fqdn}",
        "fingerprint",
        "use-auth-secret",
        f"static-auth-secret={secret}",
        f"stale-nonce={_NONCE_S}",
        f"cert={certificate}",
        f"pkey={certificate}",
        "no-dtls",
        "no-tlsv1",
        "no-tlsv1_1",
        # Nothing is relayed but to the media of this very site: its media relay, and what it relays itself. The last
        # address that fits decides, and what is allowed wins.
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        f"allowed-peer-ip={address}",
        "no-multicast-peers",
        "no-tcp-relay",
        f"user-quota={turn.allocations_per_person}",
        f"total-quota={turn.allocations}",
        f"max-bps={turn.kbit_s * 1000 // 8}",  # bytes, whatever its name says
        "no-cli",
        "no-rfc5780",
        "no-stun-backward-compatibility",
        "response-origin-only-with-rfc5780",
        "no-software-attribute",
        # Of its own accord it would look for these under /var.
        f"userdb={site.run_dir / 'coturn.db'}",
        f"pidfile={site.run_dir / 'coturn.pid'}",
        "log-file=stdout",
        "simple-log",
    ]
    if ipaddress.ip_address(address).is_loopback:
        lines.append("allow-loopback-peers")  # such a site's media are there; of loopback, this address alone
    return "".join(f"{line}\n" for line in lines)
