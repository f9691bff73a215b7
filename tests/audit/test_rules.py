"""The chain by itself: its canonical form, and what is stored of hostile values."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from isthmus.audit import Actor, Entry, Origin, rules

TEXT = st.text(max_size=20)
ENTRIES = st.builds(
    Entry, st.integers(0, 2**53), TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT
)


@given(ENTRIES, st.integers(1, 2**53), st.binary(min_size=32, max_size=32))
def test_the_digest_can_be_made_by_anybody_who_knows_the_entry(entry: Entry, id_: int, before: bytes):
    # RFC 8785 for arrays of integers, texts and null is what this is.
    canonical = json.dumps([id_, *entry], ensure_ascii=False, separators=(",", ":")).encode()
    assert rules.digest(before, id_, entry) == hashlib.sha256(before + canonical).digest()


@given(ENTRIES, ENTRIES)
def test_different_entries_have_different_digests(one: Entry, other: Entry):
    assert (rules.digest(b"", 1, one) == rules.digest(b"", 1, other)) == (one == other)


@given(st.text(st.characters(), max_size=700))
def test_what_is_stored_is_utf_8_without_nul_and_short_enough_for_an_index(text: str):
    stored = rules.storable(Entry(1, text, "a", text, "", "", "", None, text))
    assert "\0" not in "".join((stored.actor, stored.object, stored.after or ""))
    assert max(len(stored.actor), len(stored.object)) <= 600
    assert len(stored.after or "") == len(text)
    json.dumps(stored, ensure_ascii=False).encode()
    assert rules.storable(stored) == stored


def test_an_entry_knows_from_where_it_came():
    def made(actor: str) -> tuple[str, str, str]:
        entry = Entry.of(actor, "a", "o", at_ms=1)
        return entry.actor, entry.path, entry.address

    assert made("cli:root") == ("cli:root", "cli", "")
    assert made("test") == ("test", "", "")
    assert made(Actor("eve", Origin("api", "192.0.2.1"))) == ("eve", "api", "192.0.2.1")
    assert type(Entry.of(Actor("eve", Origin()), "a", "o", at_ms=1).actor) is str


def test_the_tenant_is_that_of_the_state():
    assert Entry.of("x", "a", "o", {"tenant": "old"}, {"tenant": "new"}, at_ms=1).tenant == "new"
    assert Entry.of("x", "a", "o", {"tenant": "old"}, None, at_ms=1).tenant == "old"
    assert Entry.of("x", "a", "o", {"tenant": "old"}, None, at_ms=1, tenant="").tenant == ""
    assert Entry.of("x", "a", "o", "text", ["list"], at_ms=1).tenant == ""
