"""Pictures are told apart where people would, and not where machines only round otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.interop.picturing import differences


def page(button: str | None = "#0f6cbd", words: str = "Move them", noise: int = 0) -> Image.Image:
    made = Image.new("RGB", (640, 450), "white")
    draw = ImageDraw.Draw(made)
    draw.text((40, 40), "People", fill="black")
    if button is not None:
        draw.rectangle((500, 400, 560, 416), fill=button)
        draw.text((504, 402), words, fill="white")
    shaken = np.random.default_rng(7).integers(-noise, noise + 1, (450, 640, 3)) + np.asarray(made)
    return Image.fromarray(shaken.clip(0, 255).astype("uint8"))


def test_the_same_page_is_the_same():
    assert differences(page(), page()).squares == ()


def test_what_machines_round_otherwise_does_not_count():
    assert differences(page(), page(noise=20)).squares == ()


@pytest.mark.parametrize(
    "other", [page(None), page("#b10e1c"), page(words="Leave them all")], ids=["gone", "colour", "words"]
)
def test_one_button_of_a_page_counts(other: Image.Image):
    found = differences(page(), other)
    assert found.squares
    assert all((column, row) in {(20, 16), (21, 16), (22, 16), (23, 16), (20, 17), (21, 17), (22, 17), (23, 17)}
               for column, row in found.squares)  # fmt: skip
    assert found.picture.getpixel((1, 1)) == (255, 255, 255)


def test_another_size_is_another_page():
    assert differences(page(), page().resize((320, 450))).squares
