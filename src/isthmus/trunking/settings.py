"""The site file's settings of how requests to and from a trunk look, and the shape that is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isthmus.errors import IsthmusError
from isthmus.trunking import heading, numbering
from isthmus.trunking.model import HeaderRule, NumberRule, Shape

_Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]-]{0,253}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberSection(_Section):
    """What becomes of a number on a trunk (docs/trunks.md). The first one that is for it is applied."""

    of: Literal["called", "calling", "asserted", "diverting"] = Field(
        description="Which number. `asserted`: that of the identity headers, which else is the calling one."
    )
    on: Literal["out", "in"] = Field(default="out", description="`out`: to the trunk. `in`: from it.")
    pattern: str = Field(default="", description="How the number begins, as `+49` or `0X`. Empty: any.")
    form: Literal["", "e164", "national", "international", "digits"] = Field(
        default="",
        description="First brings it to this form, by the trunk's `country`. The rule is not for numbers without it.",
    )
    strip: int = Field(default=0, ge=0, le=33, description="Characters taken from its beginning, `+` among them.")
    prepend: str = Field(default="", description="What is then put before it.")
    set: str = Field(default="", description="The whole number, in place of all that.")

    @model_validator(mode="after")
    def _fits(self) -> NumberSection:
        _refused(lambda: numbering.check(self.rule()))
        return self

    def rule(self) -> NumberRule:
        """The rule as it is applied."""
        return NumberRule(self.of, self.on, self.pattern, self.form, self.strip, self.prepend, self.set)


class HeaderSection(_Section):
    """A header that a trunk is told, or that is kept from it (docs/trunks.md). Has one of `set`, `copy`, `remove`."""

    name: str = Field(description="Its name: `X-...`, or one that does not route requests.")
    on: Literal["out", "in"] = Field(default="out", description="`out`: to the trunk. `in`: from it.")
    set: str = Field(
        default="",
        description="Its value. `{called}`, `{calling}`, `{diverting}`, `{trunk}` and `{site}` are filled in; where "
        "one is empty the header is left out.",
    )
    copy_from: str = Field(default="", alias="copy", description="The header whose value it takes.")
    remove: bool = Field(default=False, description="Whether it is removed.")

    @model_validator(mode="after")
    def _fits(self) -> HeaderSection:
        _refused(lambda: heading.check(self.rule()))
        return self

    def rule(self) -> HeaderRule:
        """The rule as it is applied."""
        return HeaderRule(self.name, self.on, self.set, self.copy_from, self.remove)


class ShapeSection(_Section):
    """How requests to a trunk look, and how its are read (docs/trunks.md)."""

    country: str = Field(
        default="", pattern=r"^([A-Z]{2})?$", description="Country whose national numbers it speaks, as `DE`."
    )
    identity: tuple[Literal["asserted", "preferred", "remote-party"], ...] = Field(
        default=("asserted",),
        description="Headers that say who calls, besides From: `asserted` (P-Asserted-Identity), `preferred` "
        "(P-Preferred-Identity), `remote-party` (Remote-Party-ID).",
    )
    identity_uri: Literal["tel", "sip"] = Field(default="tel", description="Scheme of the URIs in them.")
    private: Literal["withhold", "assert"] = Field(
        default="withhold",
        description="Callers who want to be known to nobody: `withhold` keeps their number from the trunk, `assert` "
        "tells it with `Privacy: id` (RFC 3325), for carriers that are trusted and want it.",
    )
    user_phone: bool = Field(default=False, description="Whether URIs with numbers say `user=phone`.")
    request_uri: Literal["sip", "tel"] = Field(default="sip", description="Scheme of the Request-URI.")
    to_called: bool = Field(
        default=False, description="Whether To has the number as the trunk is sent it, not what was dialled."
    )
    from_host: _Host = Field(default="", description="Host in From and identities. Empty: the site's `fqdn`.")
    forwarding: Literal["history-info", "diversion", "both", "none"] = Field(
        default="history-info",
        description="How it is told who forwarded a call: History-Info (RFC 7044), Diversion (RFC 5806).",
    )
    referred_by: bool = Field(default=False, description="Whether it is told who transferred a call.")
    extension: Literal["drop", "parameter", "append"] = Field(
        default="drop",
        description="An extension behind a called number (`;ext=`): left out, kept so, or put behind the digits.",
    )
    caller_from: Literal["from", "asserted"] = Field(
        default="from", description="Where the calling number of its calls stands: From, or P-Asserted-Identity."
    )
    by_name: bool = Field(
        default=False,
        description="Whether it sees this site by its name (`from_host` or `fqdn`) instead of its address, in Contact, "
        "in its Record-Route and in OPTIONS: for trunks by TLS that compare it with the certificate.",
    )


def shape(section: ShapeSection, numbers: tuple[NumberSection, ...], headers: tuple[HeaderSection, ...]) -> Shape:
    """What the settings of a trunk come to. Raises ValueError for what does not go together."""
    if len(numbers) > numbering.MOST_RULES or len(headers) > heading.MOST_RULES:
        raise ValueError(
            f"a trunk has at most {numbering.MOST_RULES} number rules and {heading.MOST_RULES} header rules"
        )
    if not section.country and any(each.form in ("national", "international") for each in numbers):
        raise ValueError("number rules with national or international forms take `country` in [trunk.shape]")
    return Shape(
        **section.model_dump(),
        numbers=tuple(each.rule() for each in numbers),
        headers=tuple(each.rule() for each in headers),
    )


def with_profile(given: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    """A trunk's settings with a profile's where it says nothing itself.

    given: as they stand in the file. profile: as its file has them. Number rules of the trunk come before the
    profile's; a header rule of the trunk's is in place of the profile's for it.
    """
    defaults = profile["trunk"]
    made = {**defaults, **given}
    for key in ("shape", "tls", "registration"):
        if isinstance(defaults.get(key), dict) and isinstance(given.get(key), dict):
            made[key] = {**defaults[key], **given[key]}
    made["number"] = [*given.get("number", ()), *defaults.get("number", ())]
    own = {(str(each.get("name")).lower(), each.get("on", "out")) for each in given.get("header", ())}
    rest = [each for each in defaults.get("header", ()) if (each["name"].lower(), each.get("on", "out")) not in own]
    made["header"] = [*given.get("header", ()), *rest]
    return made


def _refused(check: Any) -> None:
    try:
        check()
    except IsthmusError as error:
        raise ValueError(str(error)) from None
