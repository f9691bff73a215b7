"""From findings to alerts: what goes on is one alert that grows; when people are told again. Pure."""

from __future__ import annotations

import hashlib

import msgspec

from isthmus.activity.model import Alert, Finding, State

AGAIN_S = 7 * 86_400.0  # after so much quiet, the same is news again
_VALUES = 8  # of each kind of evidence, and lessons
_TELL_AGAIN_TIMES = 10


def key_of(finding: Finding) -> tuple[str, str, str]:
    """Findings with the same key are one alert."""
    return finding.subject, finding.rule, finding.about


def raised(finding: Finding) -> Alert:
    """A new alert. Its id follows from what it is about and when it began."""
    text = "|".join((*key_of(finding), f"{finding.at:.3f}"))
    return Alert(
        id=hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest(),
        subject=finding.subject,
        rule=finding.rule,
        about=finding.about,
        severity=finding.severity,
        first=finding.at,
        last=finding.at,
        count=1,
        now=finding.now,
        usual=finding.usual,
        evidence=_with_evidence({}, finding),
        lessons=finding.lessons,
        blocks=finding.blocks,
    )


def belongs(alert: Alert, finding: Finding) -> bool:
    """Whether the finding is more of the same: nobody has judged the alert, or it goes on within the week."""
    same = (alert.subject, alert.rule, alert.about) == key_of(finding)
    return same and alert.state is not State.FALSE_ALARM and finding.at - alert.last < AGAIN_S


def grown(alert: Alert, finding: Finding) -> Alert:
    """The alert with one more finding. The worst is what it says."""
    worse = finding.severity >= alert.severity
    lessons = {(lesson.kind, lesson.value): lesson for lesson in (*alert.lessons, *finding.lessons)}
    return msgspec.structs.replace(
        alert,
        severity=max(alert.severity, finding.severity),
        last=max(alert.last, finding.at),
        count=alert.count + 1,
        now=finding.now if worse else alert.now,
        usual=finding.usual if worse else alert.usual,
        evidence=_with_evidence(alert.evidence, finding),
        lessons=tuple(list(lessons.values())[-2 * _VALUES :]),
        blocks=tuple(dict.fromkeys((*alert.blocks, *finding.blocks)))[:_VALUES],
    )


def is_news(alert: Alert) -> bool:
    """Whether people are to be told: at first, when it has got worse, and when it has become ten times as much."""
    if alert.state is not State.OPEN:
        return False
    worse = alert.severity > alert.told_severity
    return alert.told_count == 0 or worse or alert.count >= _TELL_AGAIN_TIMES * alert.told_count


def told(alert: Alert) -> Alert:
    """The alert once its telling is under way."""
    return msgspec.structs.replace(alert, told_count=alert.count, told_severity=alert.severity)


def _with_evidence(before: dict[str, list[str]], finding: Finding) -> dict[str, list[str]]:
    merged = {name: list(values) for name, values in before.items()}
    for name, value in finding.evidence:
        values = merged.setdefault(name, [])
        if value not in values and len(values) < _VALUES:
            values.append(value)
    return merged
