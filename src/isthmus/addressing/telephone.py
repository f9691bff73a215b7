"""A telephone number with an extension behind it, as tel URIs write it: `+14255550100;ext=123`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from isthmus.addressing.number import normalise_number
from isthmus.errors import UsageError

_SEPARATORS = re.compile(r"[-.()]")  # visual-separator of RFC 3966 section 3
_LONGEST_EXTENSION = 10
_EXTENSION = re.compile(f"[0-9]{{1,{_LONGEST_EXTENSION}}}")


@dataclass(frozen=True, slots=True)
class Telephone:
    """number: E.164 with `+`. extension: digits behind it (RFC 3966 section 5.3), empty for the number itself."""

    number: str
    extension: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """A number as people or tel URIs write it, with or without `;ext=`. Raises UsageError.

        Other parameters than `ext` are refused: they would be lost.
        """
        bare, *parameters = text.strip().removeprefix("tel:").split(";")
        extension = ""
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            digits = _SEPARATORS.sub("", value)
            if name.lower() != "ext" or extension:
                raise UsageError(
                    f"{parameter[:40]!r} is not understood", where=text[:80], do="Write +14255550100;ext=123."
                )
            if not _EXTENSION.fullmatch(digits):
                raise UsageError(
                    f"{value[:40]!r} is not an extension", where=text[:80], do=f"Use 1 to {_LONGEST_EXTENSION} digits."
                )
            extension = digits
        if any(character.isalpha() for character in bare):
            # `x12` at the end would be dropped without a word, letters in the middle be taken for digits.
            raise UsageError(f"{text[:80]!r} has letters in the number", do="Write +14255550100;ext=123.")
        return cls(normalise_number(bare), extension)

    def __str__(self) -> str:
        return f"{self.number};ext={self.extension}" if self.extension else self.number
