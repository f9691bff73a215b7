"""How people are told of an alert: what a mail and a webhook say. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from isthmus.activity.model import Alert
from isthmus.addressing import barring

ACCOUNT = "account:"
ACCOUNT_BLOCKED = "can't sign in, and its sessions and tokens are ended"
_LONGEST_SUBJECT = 120


def commands(alert: Alert) -> list[str]:
    """What to type: to look, to judge, and to block."""
    lines = [f"isthmus activity show {alert.id}"]
    if alert.subject.startswith("network:"):
        lines.append(f"isthmus activity block-network {alert.subject.removeprefix('network:')}")
    lines += [f"isthmus activity block {alert.subject} {word}" for word, _ in stops(alert)]
    lines += alert.evidence.get("block", [])
    return [*lines, f"isthmus activity confirm {alert.id}", f"isthmus activity false-alarm {alert.id}"]


def stops(alert: Alert) -> list[tuple[str, str]]:
    """What the subject can be kept from, and what that means. An account without a person can only be shut out."""
    if alert.subject.startswith(ACCOUNT):
        return [(barring.ACCOUNT, ACCOUNT_BLOCKED)] if barring.ACCOUNT in alert.blocks else []
    return [(word, barring.meaning(word)) for word in alert.blocks] if "@" in alert.subject else []


def alert_json(alert: Alert) -> dict[str, Any]:
    """An alert as the API, the webhook and `--json` show it. Times: Unix seconds."""
    return {
        "id": alert.id,
        "subject": alert.subject,
        "rule": alert.rule,
        "severity": alert.severity.name.lower(),
        "state": alert.state.value,
        "summary": alert.summary,
        "now": alert.now,
        "usual": alert.usual,
        "first": alert.first,
        "last": alert.last,
        "count": alert.count,
        "evidence": alert.evidence,
        "blocks": [{"block": word, "means": f"{alert.subject} {means}"} for word, means in stops(alert)],
        "judged_by": alert.judged_by or None,
        "judged_at": alert.judged_at,
    }


def mail(alert: Alert, *, site: str, sender: str, to: tuple[str, ...], time_zone: str, delivery: str) -> EmailMessage:
    """The mail. delivery: names this telling, so that one that was sent twice can be seen to be the same."""
    zone = ZoneInfo(time_zone)
    first, last = (datetime.fromtimestamp(at, zone) for at in (alert.first, alert.last))
    message = EmailMessage()
    subject = f"[{site}] {alert.severity.name.lower()}: {alert.rule}: {alert.subject}"
    message["Subject"] = printable(subject)[:_LONGEST_SUBJECT]
    message["From"], message["To"] = sender, ", ".join(to)
    message["Date"] = format_datetime(last)
    message["Message-ID"] = f"<{hashlib.sha256(delivery.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    evidence = "\n".join(f"  {name}: {', '.join(values)}" for name, values in sorted(alert.evidence.items()))
    typed = "\n".join(f"  {command}" for command in commands(alert))
    body = f"{alert.summary}\n\nFrom {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S %Z}, {alert.count} times.\n"
    message.set_content("\n".join(map(printable, f"{body}\nSeen:\n{evidence}\n\nTo do:\n{typed}".split("\n"))) + "\n")
    return message


def webhook(alert: Alert, *, site: str, delivery: str) -> bytes:
    """The body that is posted."""
    told = {"site": site, "delivery": delivery, "alert": alert_json(alert), "commands": commands(alert)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def signature(secret: bytes, at_s: int, body: bytes) -> str:
    """Value of the header `Isthmus-Signature`: time, and HMAC-SHA256 over time, a dot and the body."""
    return f"t={at_s},v1={hmac.new(secret, b'%d.%b' % (at_s, body), hashlib.sha256).hexdigest()}"


def printable(text: str) -> str:
    """What strangers write can't break out of its line, or be what no mail can hold."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
