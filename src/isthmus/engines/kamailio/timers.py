"""Session timers (RFC 4028): a call whose phones have vanished ends. The rules are pure; a proxy only adds words."""

from __future__ import annotations

EXPIRES_S = 1800
MIN_SE_S = 90  # RFC 4028 section 5: the least anybody may ask for


def is_too_short(session_expires: str) -> bool:
    """Whether the interval asked for is below what is allowed (section 8.1: answered 422)."""
    seconds = session_expires.partition(";")[0].strip()
    return seconds.isascii() and seconds.isdigit() and int(seconds) < MIN_SE_S


def for_request(session_expires: str) -> str:
    """Header lines to add to an INVITE (section 8.1): an interval, where the caller named none."""
    return "" if session_expires else f"Session-Expires: {EXPIRES_S}\r\nMin-SE: {MIN_SE_S}\r\n"


def wanted_s(session_expires: str) -> int:
    """The interval that an INVITE goes out with: what the caller asked for, else ours."""
    seconds = session_expires.partition(";")[0].strip()
    return int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 8 else EXPIRES_S


def for_answer(session_expires: str, caller_supports_timer: bool, expires_s: int = EXPIRES_S) -> str:
    """Header lines to add to a 2xx (section 8.2): where the callee knows no timers, the caller keeps them alone.

    expires_s: what the INVITE went out with.
    """
    if session_expires or not caller_supports_timer:
        return ""
    return f"Require: timer\r\nSession-Expires: {expires_s};refresher=uac\r\n"


def supports_timer(supported: str) -> bool:
    """Whether a Supported header names the option tag."""
    return "timer" in (tag.strip() for tag in supported.split(","))
