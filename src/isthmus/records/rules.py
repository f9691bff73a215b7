"""What a leg's events make of it, and what a call costs. Pure.

Events come from several workers, late or not at all. So a leg is the sum of what was heard of it, whatever the order:
the first answer and the first end count, the last other way. It becomes a record when it began and ended and nothing
of it is on its way any more; without its beginning, or its end, after a while. What is heard of a leg that has its
record is dropped, but for a beginning: a caller may use a Call-ID again (after 422, or with other credentials).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from isthmus.records.model import By, Cost, Event, Kind, Leg, Message, Note, Person, Rate, Record, Route

SETTLE_S = 2.0  # another worker may have more to tell of a leg that ended
LATE_S = 120.0  # what a worker kept while nobody listened may come
LOOK_S = 60.0  # legs of which nothing was heard for so long are looked for in the SIP engine
LOST = "The end of the call was not seen"
MOST_NOTES = 60  # messages kept of a leg; a call has some ten
_LONGEST_WORDS = 60
_ONCE = (Kind.BEGINS, Kind.ANSWERED, Kind.ENDS)


def heard(leg: Leg | None, event: Event, now: float) -> Leg:
    """The leg with one more event. now: Unix seconds."""
    leg = msgspec.structs.replace(leg, heard=now, missed=0) if leg else Leg(now)
    leg = _noted(leg, event)
    match event.kind:
        case Kind.PROGRESS | Kind.WITHIN:
            return leg
        case Kind.BEGINS:
            return msgspec.structs.replace(leg, begins=_first(leg.begins, event))
        case Kind.REROUTED:
            return msgspec.structs.replace(leg, rerouted=_last(leg.rerouted, event))
        case Kind.ANSWERED:
            return msgspec.structs.replace(leg, answered=_first(leg.answered, event))
        case Kind.ENDS:
            return msgspec.structs.replace(leg, ends=_first(leg.ends, event))


def _noted(leg: Leg, event: Event) -> Leg:
    """With what the event tells of what was signalled, as long as that is not too much."""
    if len(leg.notes) >= MOST_NOTES:
        return leg
    way = " ".join(each for each in (event.route, event.way) if each)
    code = 200 if event.kind is Kind.ANSWERED else event.code
    words = "OK" if event.kind is Kind.ANSWERED else event.reason[:_LONGEST_WORDS]
    note = Note(event.at, event.kind, event.method, code, words, event.tag, way, event.by)
    return msgspec.structs.replace(leg, notes=(*leg.notes, note))


def messages_of(notes: Iterable[Note], began: Event | None) -> tuple[Message, ...]:
    """What was signalled, in its order. A request within the dialog is the caller's where it bears the caller's tag.

    As of the leg itself, the first beginning, answer and end count.
    """
    ordered = sorted(notes, key=lambda note: (note.at, note.kind is Kind.ENDS))
    first = {note.kind: note for note in reversed(ordered) if note.kind in _ONCE}
    kept = [note for note in ordered if note.kind not in _ONCE or first[note.kind] is note]
    return tuple(each for note in kept for each in _messages(note, began.tag if began else ""))


def _messages(note: Note, caller_tag: str) -> list[Message]:
    at = _ms(note.at)
    match note.kind:
        case Kind.BEGINS:
            return [Message(at, "INVITE", 0, "", back=False, way=note.way, first=True)]
        case Kind.REROUTED:
            return [Message(at, "INVITE", 0, "", back=False, way=note.way)]
        case Kind.WITHIN:
            by_caller = note.tag == caller_tag
            return [Message(at, note.method, note.code, note.text, back=by_caller if note.code else not by_caller)]
        case Kind.ENDS if not note.code:
            # Where nobody saw the end, nothing was signalled.
            return [] if note.text == LOST else [Message(at, "BYE", 0, "", back=note.tag != caller_tag)]
        case Kind.ENDS:
            cancelled = [Message(at, "CANCEL", 0, "", back=False)] if note.by == By.CALLER else []
            return [*cancelled, Message(at, "", note.code, note.text, back=True, own=note.by == By.NETWORK)]
    return [Message(at, "", note.code, note.text, back=True)]


def begins_anew(leg: Leg, event: Event) -> bool:
    """Whether this is the beginning of another call of the same name: the leg there was has ended before."""
    return event.kind is Kind.BEGINS and leg.begins is not None and leg.ends is not None and leg.ends.at <= event.at


def is_over(leg: Leg, now: float) -> bool:
    """Whether it is time for the leg's record. One whose end was not heard is for `lost` to judge."""
    if leg.ends is None:
        return False
    whole = leg.begins is not None and (leg.answered is not None or leg.ends.code >= 300)
    return now - leg.heard >= (SETTLE_S if whole else LATE_S)


def to_look_for(leg: Leg, now: float) -> bool:
    """Whether its dialog should be looked for: nothing was heard for a while, and it has not ended."""
    return leg.ends is None and now - leg.heard >= LOOK_S


def looked_for(leg: Leg, *, up: bool, now: float) -> Leg:
    """The leg after its dialog was looked for. It ends where the SIP engine, asked twice, knows it no more.

    Its end is then when it was last known of: to within a minute.
    """
    if up:
        return msgspec.structs.replace(leg, seen=now, missed=0)
    if not leg.missed:
        return msgspec.structs.replace(leg, missed=1)
    first, *_ = parts = _parts(leg)
    at = max(leg.seen, *(each.at for each in parts), first.at)
    end = Event(at, Kind.ENDS, first.call_id, first.side, reason=LOST, by=By.NETWORK)
    return msgspec.structs.replace(leg, ends=end, heard=now - LATE_S)


def _parts(leg: Leg) -> list[Event]:
    return [each for each in (leg.begins, leg.rerouted, leg.answered, leg.ends) if each is not None]


def ends_of(leg: Leg) -> tuple[str, str]:
    """Who called, and who was called: an address where the leg led to one of our people, else what was dialled."""
    begins = leg.begins or Event(0, Kind.BEGINS, "", "")
    way = leg.rerouted or begins
    return begins.caller, way.whom or begins.callee


def record_of(
    leg: Leg, *, site: str, stream: str, seq: int, people: Mapping[str, Person], rates: Iterable[Rate] = ()
) -> Record:
    """The record of a leg that is over. people: those at its ends, by address or number. rates: of who pays."""
    parts = _parts(leg)
    begins = leg.begins or Event(min(each.at for each in parts), Kind.BEGINS, parts[0].call_id, parts[0].side)
    way, ends = leg.rerouted or begins, leg.ends
    assert ends is not None
    answered = leg.answered.at if leg.answered else None
    if answered is None and not ends.code and ends.reason != LOST:
        answered = begins.at if leg.begins else ends.at  # a BYE: somebody answered, and nobody heard when
    caller, callee = ends_of(leg)
    calling, called = people.get(caller, Person()), people.get(callee, Person())
    lasted_s = max(0.0, ends.at - answered) if answered is not None else None
    cost = None
    if way.route == Route.DIAL and lasted_s is not None:
        cost = cost_of(begins.callee, lasted_s, rates)
    return Record(
        site=site,
        stream=stream,
        seq=seq,
        call_id=begins.call_id,
        side=begins.side,
        began_ms=_ms(begins.at),
        answered_ms=None if answered is None else _ms(answered),
        ended_ms=max(_ms(ends.at), _ms(begins.at)),
        caller=caller,
        callee=callee,
        caller_person=calling.id,
        caller_tenant=calling.tenant,
        callee_person=called.id,
        callee_tenant=called.tenant,
        source=begins.source,
        via=begins.via,
        # A seal led past the refusal (carry.to_sealed_flow).
        route=Route.TRANSFER if way.route == Route.REFUSE and answered is not None else way.route,
        way=way.way,
        rule=way.rule,
        text=way.text,
        code=200 if answered is not None else ends.code,
        reason="OK" if answered is not None and ends.reason != LOST else ends.reason,
        cause=ends.cause,
        by=_by(begins, ends, known=leg.begins is not None),
        caller_agent=begins.agent,
        callee_agent=leg.answered.agent if leg.answered else (ends.agent if ends.by == By.CALLEE else ""),
        mos=ends.mos,
        jitter_ms=ends.jitter_ms,
        loss_percent=ends.loss_percent,
        round_trip_ms=ends.round_trip_ms,
        media=ends.media or (leg.answered.media if leg.answered else ""),
        cost_micro=cost.micro if cost else None,
        currency=cost.currency if cost else "",
        rate_prefix=cost.prefix if cost else "",
        messages=messages_of(leg.notes, leg.begins),
    )


def prefixes(number: str) -> list[str]:
    """All that rates for an E.164 number may begin with, `+` included; empty for what is no such number."""
    if not number.startswith("+"):
        return []
    return [number[:length] for length in range(2, len(number) + 1)]


def cost_of(number: str, seconds: float, rates: Iterable[Rate]) -> Cost | None:
    """What a call cost that was answered for so long, by the rate with the longest prefix; None where none fits."""
    fitting = [rate for rate in rates if number.startswith(rate.prefix)]
    if not fitting:
        return None
    rate = max(fitting, key=lambda each: len(each.prefix))
    milliseconds = max(round(seconds * 1000), rate.minimum_s * 1000)
    charged_s = -(-milliseconds // (rate.increment_s * 1000)) * rate.increment_s
    return Cost((rate.price_micro * charged_s + 30) // 60, rate.currency, rate.prefix)


def _by(begins: Event, ends: Event, *, known: bool) -> str:
    if ends.by:
        return ends.by
    if not known or not begins.tag or not ends.tag:
        return By.UNKNOWN
    return By.CALLER if begins.tag == ends.tag else By.CALLEE


def _first(known: Event | None, event: Event) -> Event:
    return event if known is None or event.at < known.at else known


def _last(known: Event | None, event: Event) -> Event:
    return event if known is None or event.at >= known.at else known


def _ms(at: float) -> int:
    return round(at * 1000)


def is_late(event: Event, ended_ms: int | None) -> bool:
    """Whether the leg that the event tells of has its record. ended_ms: when the last such leg of this name ended."""
    return ended_ms is not None and (event.kind is not Kind.BEGINS or _ms(event.at) <= ended_ms)
