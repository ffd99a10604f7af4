"""The palette keeps the contrast that WCAG 2.2 AA asks for, in light and in dark."""

import re
from itertools import product

import pytest

from tools.paths import ROOT

CSS = (ROOT / "static/css/tokens.css").read_text()
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in CSS.split("@media"))
TONES = ["good", "busy", "attention", "bad", "quiet"]
TEXT = [
    *product(["text", "text-soft", "accent"], ["ground", "panel", "head", "hover"]),
    *product(["text"], ["control", *(f"{tone}-ground" for tone in TONES)]),
    *((tone, f"{tone}-ground") for tone in TONES),
    *product(["bad"], ["panel", "control", "ground"]),
    ("banner-text", "banner"),
    ("banner-soft", "banner"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent", "busy-ground"),
]
SHAPES = [
    *product(["control-edge"], ["panel", "control", "ground"]),
    *product(["focus"], ["panel", "ground"]),
    *((tone, "track") for tone in TONES),
]


def luminance(colour):
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, LIGHT | DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), TEXT)
def test_text_can_be_read_on_its_ground(palette, front, ground):
    assert contrast(palette[front], palette[ground]) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, LIGHT | DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), SHAPES)
def test_edges_and_bars_can_be_seen_on_their_ground(palette, front, ground):
    assert contrast(palette[front], palette[ground]) >= 3


def test_both_palettes_name_the_same_colours():
    assert set(DARK) == set(LIGHT)
