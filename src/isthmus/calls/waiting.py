"""A call that waits for an answer which can't come any more: the answer that is put in its place. Pure.

Who has said 100 Trying may take minutes to answer (RFC 3261 section 16.6, step 11), and says nothing meanwhile. Only
that the connection is gone, by which the answer would come, tells that there will be none; of a gateway by UDP, that
it does not answer to OPTIONS any more (silence.py).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]+)", re.IGNORECASE)
_TAG = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_MARK, _TRUNK = "|", "trunk:"


class Waiting(NamedTuple):
    """A branch of a call that has been heard of, but not answered.

    by: what its answer would come by, the engine's number of a connection or the name of a trunk by UDP. answer: what
    the site tells itself where that is gone, or which call it has to cancel then.
    """

    by: int | str
    answer: str

    def __str__(self) -> str:
        by = self.by if isinstance(self.by, int) else f"{_TRUNK}{self.by}"
        return f"{by}{_MARK}{self.answer}"

    @classmethod
    def parse(cls, kept: str) -> Waiting:
        """As `str` made it."""
        by, _, answer = kept.partition(_MARK)
        return cls(by.removeprefix(_TRUNK) if by.startswith(_TRUNK) else int(by), answer)


def branch_of(via: str) -> str:
    """The branch of the topmost Via, by which its transaction is known; empty where it has none."""
    found = _BRANCH.search(via.partition(",")[0])
    return "" if found is None else found[1]


def unanswered(vias: str, sender: str, receiver: str, call_id: str, cseq: str, tag: str) -> str:
    """408 for the branch that a provisional answer with these headers was for (RFC 3261 sections 8.2.6.2 and 16.8).

    vias: all of it. sender, receiver: From and To. tag: for To, where nobody has given it one yet.
    """
    lines = [
        "SIP/2.0 408 Request Timeout",
        f"Via: {vias}",
        f"From: {sender}",
        f"To: {receiver if _TAG.search(receiver) else f'{receiver};tag={tag}'}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq}",
        "Content-Length: 0",
    ]
    return "".join(f"{line}\r\n" for line in lines) + "\r\n"
