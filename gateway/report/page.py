"""A report as one HTML file: rendered with everything escaped, without secrets, and written for its owner alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.console import style_of
from gateway.errors import ConfigurationError
from gateway.private_file import home_path, need_writable, write_private
from gateway.wording import printable

TEMPLATES = Path(__file__).parent / "templates"
_CLASSES = {"green": "good", "red": "bad"}


def report_path(text: str) -> Path | None:
    """Return the file that `--report` names, None for an empty text.

    Raises ConfigurationError when it is no .html, so that a slip of the fingers replaces nothing else, or
    when it cannot be written: now, and not when everything is done.
    """
    if not text:
        return None
    path = home_path(text, "--report")
    if path.suffix != ".html" or path.name == ".html":
        raise ConfigurationError(
            f"`{printable(text)}` does not end in .html", where="--report", unaffected="nothing was changed",
            next_step="--report report.html",
        )  # fmt: skip
    need_writable(path)
    return path


def write_page(path: Path, template: str, data: Mapping[str, Any], redact: Callable[[str], str]) -> None:
    """Render `template` with `data`, every text of it passed through `redact`, to the file `path`.

    Raises ConfigurationError if it cannot be written; then the file is as it was.
    """
    clean = redacted_data(dict(data), redact)
    write_private(path, _engine().get_template(template).render(clean).encode(errors="replace"))


def redacted_data(value: Any, redact: Callable[[str], str]) -> Any:
    """Return data with every text in it, keys too, passed through `redact`."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redacted_data(key, redact): redacted_data(one, redact) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted_data(one, redact) for one in value]
    return value


def percent(number: float) -> str:
    """Return a share of a drawing's width."""
    return f"{number:.3f}%"


def state_class(word: str) -> str:
    """Return the CSS class in which the terminal's colour of a word is shown."""
    return _CLASSES.get(style_of(word), "")


def sentence(text: str) -> str:
    """Return words as a sentence. Only for texts that are redacted: a secret in capitals would not be found."""
    return f"{text[:1].upper()}{text[1:]}."


@cache
def _engine() -> Environment:
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    engine.filters.update(percent=percent, state_class=state_class, sentence=sentence, grouped="{:,}".format)
    return engine
