"""Pictures of pages held against those that are kept: what somebody changed without meaning to is seen.

Pictures are of half the size, so that how a machine smooths the edges of letters does not count, and are compared by
small squares, so that one button of a large page does.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops
from playwright.sync_api import Locator, Page

from tests.interop.browsers import still

KEPT = Path(__file__).parents[1] / "pictures"
_SMALLER = 2
_SQUARE = 24  # pixels of the smaller picture
_PIXEL = 24  # of 255, in any colour: less is another machine's rounding
_PART = 0.06  # of a square's pixels
# The font that Debian's fontconfig needs itself: the same on every machine. Nothing moves, and no caret blinks.
_DRESS = """
*, *::before, *::after {
  font-family: "DejaVu Sans" !important; transition: none !important; animation: none !important;
}
"""


@dataclass(frozen=True)
class Difference:
    """squares: (column, row) of those that are others. picture: the seen one, with these in red."""

    squares: tuple[tuple[int, int], ...]
    picture: Image.Image


def differences(kept: Image.Image, seen: Image.Image) -> Difference:
    """What is another in a picture than in the one that is kept, both of RGB. Of another size, everything is."""
    if kept.size != seen.size:
        return Difference(((0, 0),), seen)
    apart = np.asarray(ImageChops.difference(kept, seen)).max(axis=2) > _PIXEL
    height, width = apart.shape
    found = tuple(
        (column, row)
        for row in range(-(-height // _SQUARE))
        for column in range(-(-width // _SQUARE))
        if apart[row * _SQUARE : (row + 1) * _SQUARE, column * _SQUARE : (column + 1) * _SQUARE].mean() > _PART
    )
    shown = np.asarray(seen).copy()
    shown[apart] = (255, 0, 0)
    return Difference(found, Image.fromarray(shown))


def taken(page: Page, masked: tuple[Locator, ...] = ()) -> Image.Image:
    """The page as it is seen, at half its size. masked: what is of this moment, or of this machine. The page's content
    policy has to be off: its font is made the same everywhere."""
    page.add_style_tag(content=_DRESS)
    still(page)
    raw = page.screenshot(animations="disabled", caret="hide", mask=list(masked), mask_color="#808080")
    return Image.open(io.BytesIO(raw)).convert("RGB").reduce(_SMALLER)


def looks_as_kept(page: Page, name: str, folder: Path, masked: tuple[Locator, ...] = ()) -> None:
    """Fails where it doesn't, and leaves pictures of it in the folder. `make snapshots` keeps what is seen instead."""
    if os.environ.get("ISTHMUS_SNAPSHOTS"):
        KEPT.mkdir(exist_ok=True)
        # 256 colours are plenty, and a third of the size.
        taken(page, masked).quantize(256, dither=Image.Dither.NONE).save(KEPT / f"{name}.png", optimize=True)
    hold(page, name, folder, masked)


def hold(page: Page, name: str, folder: Path, masked: tuple[Locator, ...] = ()) -> None:
    """Hold the page against the picture that is kept."""
    seen, file = taken(page, masked), KEPT / f"{name}.png"
    assert file.exists(), f"there is no picture of {name}: look at the page, then `make snapshots`"
    found = differences(Image.open(file).convert("RGB"), seen)
    if found.squares:
        seen.save(folder / f"{name}.seen.png")
        found.picture.save(folder / f"{name}.difference.png")
        raise AssertionError(
            f"{name} looks otherwise than tests/pictures/{name}.png: {len(found.squares)} squares are others, see "
            f"{folder / f'{name}.difference.png'}; where that is meant, `make snapshots` keeps it"
        )
