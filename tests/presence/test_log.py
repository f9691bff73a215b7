"""The ordered log that peers read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.presence.log import Log


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 5), st.integers(0, 60))
def test_who_reads_on_from_anywhere_learns_the_newest_of_everything(keys: list[int], limit: int, start: int):
    log: Log[int] = Log()
    last = {key: log.put(key) for key in keys}
    start = min(start, log.seq)
    seen, at = [], start
    while True:
        page, to = log.after(at, limit)
        seen += page
        if to == at:
            break
        at = to
    assert at == log.seq
    assert seen == [key for key, seq in sorted(last.items(), key=lambda pair: pair[1]) if seq > start]
    assert len(log) == len(last)
