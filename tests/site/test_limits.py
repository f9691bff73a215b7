"""How many files the processes of a site may open, seen in processes of their own: a limit once lowered stays so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from isthmus.site.limits import WANTED_FILES

_OWN = """
import resource, sys
from isthmus.site.limits import allow_files
soft, hard = (int(each) for each in sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(allow_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize("hard", [2_000, 10_000])
def test_a_process_and_what_it_starts_get_all_that_there_is(hard: int):
    ran = subprocess.run([sys.executable, "-c", _OWN, "512", str(hard)], capture_output=True, text=True, check=True)
    allowed, soft, now = map(int, ran.stdout.split())
    # More than the limit only for who may raise it, and then as much as is of use.
    assert allowed in (hard, WANTED_FILES)
    assert (soft, now) == (allowed, allowed)
