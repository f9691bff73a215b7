"""What may be an account's name, a password, a role."""

import time

import pytest

from isthmus.errors import IsthmusError, UsageError
from isthmus.identity import rules


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "shorter"),
        ("Tr0ub4dor&3", "shorter"),
        ("password1234", "easily guessed"),
        ("123456789012345", "easily guessed"),
        ("qwertyuiopasdf", "easily guessed"),
        ("aaaaaaaaaaaaaaaaaaaa", "easily guessed"),
        ("abcabcabcabcabc", "easily guessed"),
        ("iloveyouiloveyou", "easily guessed"),
        ("anna.contoso-anna-2026", "own names"),
        ("x" * 1025, "longer"),
        ("correct\nhorse battery staple", "can't be typed"),
        ("correct \ud800 horse battery", "can't be typed"),
    ],
)
def test_what_is_tried_first_is_no_password(password: str, told: str):
    with pytest.raises(UsageError, match=told):
        rules.new_password(password, 12, ["anna", "contoso"])


def test_length_counts_and_not_kinds_of_characters():
    for password in (
        "a heron on the jetty at noon",
        "zweiundsiebzig lachende gabelstapler",
        "鷺が桟橋に立っている正午の光と影",
    ):
        assert rules.new_password(password, 12, ("anna",)) == password
    long = " ".join(f"{n} herons fly over jetty {n * n}" for n in range(60))
    began = time.monotonic()
    assert rules.new_password(long[-1000:], 12, ()) == long[-1000:]
    assert time.monotonic() - began < 20


def test_one_password_typed_on_two_keyboards_is_one_password():
    composed, decomposed = "ein Fräulein am Steg um zwölf", "ein Fra\u0308ulein am Steg um zwo\u0308lf"
    assert rules.new_password(composed, 12, ()) == rules.new_password(decomposed, 12, ())
    assert rules.normalised_password("ｐass") == "pass"


@pytest.mark.parametrize("name", ["", " ", "a b", "anna/../x", "\ud800", "a" * 101, "anna@", "-x", "a\0b", "a" * 5000])
def test_what_can_be_no_name(name: str):
    with pytest.raises(UsageError):
        rules.account_name(name)


def test_a_name_has_one_form():
    assert rules.account_name(" Anna ") == rules.account_name("ＡＮＮＡ") == "anna"
    assert rules.account_name("Alice@Contoso.Example") == "alice@contoso.example"


@pytest.mark.parametrize(
    ("name", "permissions"), [("global", ["person.read"]), ("x y", ["person.read"]), ("x", []), ("x", ["person.eat"])]
)
def test_what_can_be_no_role(name: str, permissions: list[str]):
    with pytest.raises(IsthmusError):
        rules.checked_role(name, permissions, "", "main")
