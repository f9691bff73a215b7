"""What a trunk needs that is more than a UDP peer known by its address: sections within a `[[trunk]]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from isthmus.site.section import Fqdn, Section

# As they stand in a=rtpmap (RFC 4855); rtpengine is told them in its flags.
Codec = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
_USER = r"^[A-Za-z0-9+_.!~*'()&=$,?/%-]{1,128}$"


class TrunkTls(Section):
    """How a trunk with `transport = "tls"` proves who it is, and this site to it."""

    name: Fqdn = Field(description="The name that its certificate must carry; it is also asked for by SNI.")
    ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that sign its certificate, relative to the site file. None: the system's.",
    )
    certificate_file: Path | None = Field(
        default=None,
        description="Certificate, chain and key (one PEM, mode 0600) that this site shows to it. None: the site's own.",
    )
    shows_certificate: bool = Field(
        default=True,
        description="Whether it has to show a certificate with `name` as common name when it calls us. `false`: "
        "its address is enough.",
    )


class TrunkRegistration(Section):
    """A trunk at which this site registers (RFC 3261 section 10), and proves itself where it is asked to."""

    user: str = Field(pattern=_USER, description="The account at the carrier: user part of the address-of-record.")
    domain: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.-]{0,253}$",
        description="Domain of the account. Empty: `name` of `[trunk.tls]`, or else the trunk's address.",
    )
    auth_user: str = Field(default="", description="Name for the digest. Empty: `user`.")
    password_file: Path = Field(
        description="File with the password alone, mode 0600, relative to the site file. It is read at each start."
    )
    expires_s: int = Field(
        default=600, ge=60, le=86400, description="Seconds that are asked for; the carrier may give fewer, or more."
    )
    contact_user: str = Field(
        default="",
        pattern=_USER.replace("{1,", "{0,"),
        description="User part of the Contact. Empty: `user`. Calls to it are for the number in their To.",
    )


Media = Literal["rtp", "srtp", "dtls-srtp"]
