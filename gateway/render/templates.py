"""Jinja2 with everything strict: an unknown name is an error that says which template and line."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from gateway.errors import ConfigurationError
from gateway.render.quoting import environment_text, quote_compose
from gateway.render.roles import ROOT

_RENDERING = Lock()
_VARIABLE_LINE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*):")


def render_template(name: str, context: Mapping[str, Any], root: Path = ROOT) -> str:
    """Return the template `templates/<name>` below `root`, rendered with `context`.

    Raises ConfigurationError with template and line if it uses a name that `context` does not have
    or is no valid template.
    """
    try:
        # One at a time: hosts that are rendered side by side would each compile the templates that none has yet.
        with _RENDERING:
            return _engine(root).get_template(name).render(context)
    except TemplateError as error:
        raise ConfigurationError(
            f"the template cannot be rendered: {error.message or type(error).__name__}",
            where=_place(error, name),
            next_step="put the template right; what was changed in it: git diff templates",
        ) from None


def with_extras(text: str, extras: Mapping[str, str | float | bool]) -> str:
    """Return the lines of a service's environment with the inventory's `extras` after them, sorted.

    A line of `text` that sets a variable of the same name is left out: YAML takes no key twice.
    """
    kept = [line for line in text.strip("\n").split("\n") if _name_in(line) not in extras]
    indent = next((line[: len(line) - len(line.lstrip())] for line in kept if line), " " * 6)
    added = [f"{indent}{name}: {quote_compose(environment_text(extras[name]))}" for name in sorted(extras)]
    return "\n".join([*kept, *added]) + "\n"


def in_bytes(amount: str) -> int:
    """Return the bytes that an amount of memory such as `512m` or `2g` stands for."""
    return int(amount[:-1]) * {"m": 1 << 20, "g": 1 << 30}[amount[-1]]


def _name_in(line: str) -> str:
    match = _VARIABLE_LINE.match(line)
    return match[1] if match else ""


@cache
def _engine(root: Path) -> Environment:
    engine = Environment(
        loader=FileSystemLoader(root / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - what is rendered is YAML and Caddy's language, each with its own quoting
    )
    engine.filters.update(quote_compose=quote_compose, with_extras=with_extras, in_bytes=in_bytes)
    return engine


def _place(error: TemplateError, name: str) -> str:
    """Return `templates/<file>:<line>` of the innermost template that the error passed through."""
    line = getattr(error, "lineno", None)
    if line is not None:
        return f"templates/{getattr(error, 'name', None) or name}:{line}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/templates/" in frame.filename]
    if not frames:
        return f"templates/{name}"
    return f"templates/{frames[-1].filename.rpartition('/templates/')[2]}:{frames[-1].lineno}"
