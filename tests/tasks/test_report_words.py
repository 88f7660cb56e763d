"""The page's words and colours, read from its files: both languages say the same, and every text can be read."""

import json
import re
from pathlib import Path

import pytest

from tasks.report import PAGE_FILES, WEB


def messages(code: str) -> dict[str, str | dict[str, str]]:
    text = (WEB / f"messages-{code}.js").read_text()
    body = text[text.index(f".{code} = {{") + len(f".{code} = ") : text.rindex("}") + 1]
    quoted = re.sub(r"([{,] )(one|other):", r'\1"\2":', re.sub(r",\s*}", "}", body))
    read: dict[str, str | dict[str, str]] = json.loads(quoted)
    return read


def names(message: str | dict[str, str]) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", message if isinstance(message, str) else " ".join(message.values())))


def test_both_languages_have_the_same_messages_with_the_same_values() -> None:
    english, german = messages("en"), messages("de")
    assert list(english) == list(german)
    assert {key: names(text) for key, text in english.items()} == {key: names(text) for key, text in german.items()}
    plural = [key for key, text in english.items() if isinstance(text, dict)]
    assert plural == [key for key, text in german.items() if isinstance(text, dict)]
    same = {key for key in english if english[key] == german[key] and len(str(english[key])) > 12}
    assert same == {"refine.example"}  # instructions are English, as prompts are


def test_every_key_that_the_page_uses_exists_and_every_message_is_used() -> None:
    known = set(messages("en"))
    scripts = "\n".join((WEB / name).read_text() for name in PAGE_FILES if not name.startswith("messages-"))
    used = set(re.findall(r'(?:text|word)\("([a-z0-9.-]+)"', scripts)) | set(
        re.findall(r'data-(?:text|label|hint)="([^"]+)"', scripts)
    )
    assert {key for key in used if "." in key or key in ("close", "cancel", "progress")} <= known
    made = re.findall(r"text\(`([a-z]+)\.\$", scripts) + re.findall(r'word\("([a-z]+)"', scripts)
    quoted = set(re.findall(r'"([a-z]+\.[a-z0-9-]+)"', scripts))
    assert {key for key in known - used - quoted if key.split(".")[0] not in made} == set()


THEMES = re.compile(r":root \{(.*?)\}", re.S)


def themes() -> list[dict[str, str]]:
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for block in THEMES.findall((WEB / "report.css").read_text())[:2]
    )
    return [light, light | dark]


def luminance(color: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2, definition)."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TONES = ("passed", "rejected", "failed", "quarantined", "invalid")
PAIRS = [
    *((text, ground) for text in ("ink", "muted") for ground in ("paper", "surface", "sunken")),
    *(("accent", ground) for ground in ("paper", "surface", "sunken")),
    *((tone, f"{tone}-soft") for tone in TONES),
    *((tone, "surface") for tone in TONES),  # a decision's button, and, the other way round, its mark
    ("surface", "accent"), ("paper", "ink"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_texts_have_the_contrast_of_wcag_aa(text: str, ground: str) -> None:
    for theme in themes():
        assert contrast(theme[text], theme[ground]) >= 4.5, theme


def test_every_color_of_the_look_is_a_variable_of_both_themes() -> None:
    """So that the test above sees them all; shadows, the posters' ground and the time bar's own stripes aside."""
    light, dark = THEMES.findall((WEB / "report.css").read_text())[:2]

    def own(block: str) -> set[str]:
        return set(re.findall(r"--([\w-]+): #", block))

    assert own(light) == own(dark)
    review = (WEB / "review.css").read_text()
    assert re.findall(r"#[0-9a-f]{3,6}\b", review) == []
    assert Path(WEB / "review.css").is_file()
