"""The errors a person may see: each says what was wrong, where, and what to do."""

from __future__ import annotations


class IsthmusError(Exception):
    """Base of every refusal that reaches a person: the CLI prints it, the API answers it.

    what: the fact, one sentence without a final full stop.
    where: file, line, field, address or site it concerns; empty when `what` says it all.
    do: what the reader can do about it; empty when nothing can be done.
    """

    exit_code = 1
    http_status = 409
    problem = "about:blank"  # the type by which programs know it (RFC 9457 3.1.1)

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        self.what, self.where, self.do = what, where, do
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        if not self.do:
            return head
        return f"{head} {self.do}" if head.endswith((".", "?", "!")) else f"{head}. {self.do}"


class UsageError(IsthmusError):
    """The command or request itself is malformed (CLI exit 2, HTTP 422)."""

    exit_code = 2
    http_status = 422


class NotFoundError(IsthmusError):
    """The named object does not exist, or the asker may not know that it does (HTTP 404)."""

    http_status = 404


class UnauthenticatedError(IsthmusError):
    """It is not known who asks, or what they showed is not good (HTTP 401)."""

    http_status = 401


class ForbiddenError(IsthmusError):
    """Who asks may not do this (HTTP 403)."""

    http_status = 403


class StepUpError(ForbiddenError):
    """Allowed once the second factor is proved anew (HTTP 403)."""

    problem = "urn:isthmus:problem:step-up"


class ChangedError(IsthmusError):
    """The object is another than the asker has seen (HTTP 412)."""

    http_status = 412


class TooManyError(IsthmusError):
    """Asked too often (HTTP 429). retry_after_s: seconds until asking again can help."""

    http_status = 429

    def __init__(self, what: str, *, retry_after_s: float, where: str = "", do: str = "") -> None:
        super().__init__(what, where=where, do=do)
        self.retry_after_s = retry_after_s


class RefusedError(IsthmusError):
    """Understood, and not allowed in the present state (HTTP 409)."""


class UnavailableError(IsthmusError):
    """A part that is needed does not answer now; trying again later can work (HTTP 503)."""

    http_status = 503
