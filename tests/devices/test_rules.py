"""What a device's credential looks like, and which of its secrets are good when."""

from __future__ import annotations

import hashlib
import os
import string
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing import Aor
from isthmus.devices import rules
from isthmus.directory.model import Credentials, Device
from isthmus.errors import RefusedError, UsageError
from isthmus.sip import digest
from isthmus.useragent import auth
from isthmus.useragent.message import Response

ALICE = Aor("alice", "contoso.example")
DAY_S = 86_400


def device(name: str = "dev0000000000", label: str = "desk phone") -> Device:
    return Device(name, label, Credentials(b"m" * 16, b"s" * 32), 0, 0)


class TestWhatAPhoneIsTold:
    @given(st.binary(min_size=64, max_size=64))
    def test_it_is_small_letters_and_digits_none_taken_for_another(self, random: bytes) -> None:
        for text in (rules.new_name(lambda n: random[:n]), rules.new_secret(lambda n: random[:n])):
            assert set(text) <= set(string.ascii_lowercase + string.digits)
            assert not set(text.removeprefix("dev")) & set("ilou")

    def test_it_is_as_short_as_a_phone_takes_and_as_long_as_nobody_guesses(self) -> None:
        assert len(rules.new_name(os.urandom)) == 13
        secret = rules.new_secret(os.urandom)
        assert len(secret) == 24
        assert len(secret) * 5 >= 112  # NIST SP 800-131A: bits of security strength

    def test_every_character_is_as_likely_as_any_other(self) -> None:
        every = "".join(rules.new_secret(lambda n, at=at: bytes(range(at, at + n))) for at in range(0, 256 - 24, 8))
        whole = "".join(rules._characters(lambda n: bytes(range(256)), 256))
        assert set(Counter(whole).values()) == {8}
        assert set(every) == set(rules.ALPHABET)

    @given(st.binary(min_size=16, max_size=16))
    def test_a_name_is_known_for_a_devices_and_a_persons_is_not(self, random: bytes) -> None:
        name = rules.new_name(lambda n: random[:n])
        assert rules.is_device_name(name)
        assert Aor.parse(f"{name}@contoso.example").user == name  # a phone may have to write it as an address
        for other in ("alice", "device", "dev", name[:-1], name + "0", name.upper(), "x" + name, name[:-1] + "-"):
            assert not rules.is_device_name(other)


class TestItsDigests:
    @pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
    @given(st.binary(min_size=32, max_size=32))
    def test_a_phone_that_knows_the_secret_is_right_and_no_other(self, algorithm: str, random: bytes) -> None:
        name, secret = rules.new_name(lambda n: random[:n]), rules.new_secret(lambda n: random[-n:])
        kept = rules.credentials(name, ALICE, secret, md5=True)
        ha1 = kept.ha1_md5 if algorithm == "MD5" else kept.ha1_sha256
        for given_, right in ((secret, True), (secret[:-1], False), (secret.upper(), secret.isdigit())):
            answer = answered(name, given_, algorithm)
            assert digest.is_right(answer, "REGISTER", ha1) is right

    def test_where_md5_is_forbidden_nothing_is_kept_that_it_could_be_checked_by(self) -> None:
        kept = rules.credentials("dev0000000000", ALICE, "secret", md5=False)
        assert kept.ha1_md5 == b""
        assert kept.ha1_sha256 == hashlib.sha256(b"dev0000000000:contoso.example:secret").digest()
        rotating = replace(device(), former=Credentials(b"f" * 16, b"g" * 32), former_until_ms=9)
        stripped = rules.without_md5(rotating)
        assert stripped.credentials == Credentials(b"", b"s" * 32)
        assert stripped.former == Credentials(b"", b"g" * 32)

    @pytest.mark.parametrize(
        ("wanted", "otherwise", "allowed", "outcome"),
        [
            (None, True, True, True),
            (None, False, True, False),
            (None, True, False, False),
            (True, False, True, True),
            (False, True, True, False),
            (False, True, False, False),
        ],
    )
    def test_md5_is_as_asked_for_as_far_as_policy_allows(
        self, wanted: bool | None, otherwise: bool, allowed: bool, outcome: bool
    ) -> None:
        assert rules.by_md5(wanted, otherwise, allowed=allowed, aor=ALICE) is outcome

    def test_asking_for_md5_where_policy_forbids_it_is_refused_with_the_way_to_see_why(self) -> None:
        with pytest.raises(RefusedError, match=r"isthmus policy explain alice@contoso\.example"):
            rules.by_md5(True, True, allowed=False, aor=ALICE)


def answered(name: str, secret: str, algorithm: str) -> digest.Credentials:
    """What a phone answers to a challenge, as this site's parser reads it."""
    challenge = digest.challenges("WWW-Authenticate", ALICE.domain, "n0nce", stale=False)
    headers = tuple(tuple(line.split(": ", 1)) for line in challenge.splitlines() if f"algorithm={algorithm}," in line)
    header = auth.answer(Response(headers, b"", 401, ""), "REGISTER", "sip:contoso.example", name, secret)
    assert header is not None
    parsed = digest.parse_credentials(header[1])
    assert parsed is not None
    return parsed


class TestLabels:
    def test_blanks_are_tidied(self) -> None:
        assert rules.checked_label("  desk \t phone ", ()) == "desk phone"

    @pytest.mark.parametrize("label", ["", " ", "x" * 65, "a\x00b", "a\u202eb", "\ud800"])
    def test_what_cannot_be_shown_is_none(self, label: str) -> None:
        with pytest.raises(UsageError):
            rules.checked_label(label, ())

    def test_two_devices_of_a_person_are_told_apart(self) -> None:
        with pytest.raises(RefusedError, match="dev0000000000 is called"):
            rules.checked_label("Desk Phone", [device()])

    def test_a_person_has_so_many_and_no_more(self) -> None:
        rules.may_have_another(ALICE, [device()] * 31)
        with pytest.raises(RefusedError, match="32 devices"):
            rules.may_have_another(ALICE, [device()] * 32)


class TestRotation:
    @given(
        st.lists(st.tuples(st.integers(0, 3 * DAY_S), st.sampled_from([0, 60, DAY_S])), max_size=8),
        st.integers(0, 10 * DAY_S),
    )
    def test_the_newest_secret_is_always_good_and_the_one_before_until_its_time(
        self, rotations: list[tuple[int, int]], later_s: int
    ) -> None:
        now_s, now_device = 0, device()
        good: list[tuple[Credentials, float]] = [(now_device.credentials, float("inf"))]
        for number, (wait_s, overlap_s) in enumerate(rotations):
            now_s += wait_s
            made = Credentials(bytes([number]) * 16, bytes([number]) * 32)
            now_device = rules.rotated(now_device, made, now_s * 1000, overlap_s)
            good = [(good[-1][0], now_s + overlap_s), (made, float("inf"))]
        at_ms = (now_s + later_s) * 1000
        settled = rules.settled(now_device, at_ms)
        opens = [settled.credentials, *([settled.former] if settled.former else [])]
        assert opens == [secret for secret, until_s in reversed(good) if until_s * 1000 > at_ms]
        assert settled.generation == len(rotations) + 1
        assert rules.settled(settled, at_ms) == settled

    @pytest.mark.parametrize("seconds", [-1, 30 * DAY_S + 1])
    def test_an_overlap_has_bounds(self, seconds: int) -> None:
        with pytest.raises(UsageError):
            rules.checked_overlap(seconds)
