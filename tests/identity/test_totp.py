"""Time-based codes against the vectors of RFC 6238, appendix B."""

import pytest

from isthmus.identity import totp

SEEDS = {"sha1": b"1234567890" * 2, "sha256": (b"1234567890" * 4)[:32], "sha512": (b"1234567890" * 7)[:64]}
VECTORS = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]


@pytest.mark.parametrize(("at", "sha1", "sha256", "sha512"), VECTORS)
def test_the_codes_of_the_rfc(at: int, sha1: str, sha256: str, sha512: str):
    for digest, expected in (("sha1", sha1), ("sha256", sha256), ("sha512", sha512)):
        assert totp.code(SEEDS[digest], at // totp.STEP_S, digits=8, digest=digest) == expected


def test_a_code_is_taken_a_step_around_now_and_once():
    secret, now = SEEDS["sha1"], 1_700_000_010.0
    step = int(now) // totp.STEP_S
    for there in (-1, 0, 1):
        assert totp.matching_step(secret, totp.code(secret, step + there), now, 0) == step + there
    for there in (-2, 2):
        assert totp.matching_step(secret, totp.code(secret, step + there), now, 0) is None
    assert totp.matching_step(secret, totp.code(secret, step), now, step) is None
    assert totp.matching_step(secret, totp.code(secret, step - 1), now, step) is None


def test_blanks_are_no_mistake_and_nonsense_is():
    secret, now = SEEDS["sha1"], 1_700_000_010.0
    code = totp.code(secret, int(now) // totp.STEP_S)
    assert totp.matching_step(secret, f" {code[:3]} {code[3:]} ", now, 0) is not None
    for nonsense in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", code + "0"):
        assert totp.matching_step(secret, nonsense, now, 0) is None


def test_an_app_can_read_the_uri():
    assert totp.uri(b"12345678901234567890", "anna", "Isthmus a.example") == (
        "otpauth://totp/Isthmus%20a.example%3Aanna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Isthmus%20a.example&digits=6&period=30"
    )
