"""Every colour pair of the console, computed in both themes from the style sheet itself."""

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = (Path(settings.BASE_DIR) / "static" / "portal" / "console.css").read_text()
TOKENS = dict(
    re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\);", CSS, re.IGNORECASE)
)
GROUNDS = ["bg", "surface", "surface-2"]
TEXT = [
    *((text, ground) for text in ("text", "muted", "accent") for ground in GROUNDS),
    *(
        (tone, ground)
        for tone in ("danger", "warn", "ok", "wall")
        for ground in ("surface", "bg", f"{tone}-soft")
    ),
    ("accent", "accent-soft"),
    *(("text", f"{tone}-soft") for tone in ("accent", "danger", "warn", "ok", "wall")),
    *(("muted", f"{tone}-soft") for tone in ("accent", "danger", "warn", "ok", "wall")),
    ("danger", "surface-2"),
    ("warn", "surface-2"),
    ("on-accent", "accent-strong"),
    ("on-danger", "danger-strong"),
]
CONTROLS = [
    *(("control", ground) for ground in GROUNDS),
    *(("focus", ground) for ground in GROUNDS),
    *((tone, "surface") for tone in ("accent", "danger", "warn", "ok", "wall")),
]
THEMES = {"light": 0, "dark": 1}


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str, theme: str) -> float:
    colours = [TOKENS[name].split(", ")[THEMES[theme]] for name in (one, other)]
    light, dark = sorted((luminance(colour) for colour in colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read(text, ground, theme):
    assert ratio(text, ground, theme) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("control", "ground"), CONTROLS)
def test_controls_can_be_seen(control, ground, theme):
    assert ratio(control, ground, theme) >= 3


def test_colours_stand_in_the_tokens_alone():
    rules = CSS.split("\n}\n", 1)[1]
    stray = re.findall(r"#[0-9a-f]{3,8}\b", rules, re.IGNORECASE)
    assert stray == ["#fff"], "only the printed page names a colour of its own"
