"""Quoting, written and read back through the real Compose."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.render.merge import merged_definition
from gateway.render.quoting import environment_text, quote_compose, quote_env
from tests.examples import examples

# Everything but NUL and surrogates, with what quoting is about made frequent.
AWKWARD = st.text(
    st.one_of(
        st.sampled_from("\\\"'$`#{}:-=&!@ \n\r\t%*|>é中😀\u0085\u2028\ufeff\x7f\x1b"),
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"),
    ),
    max_size=30,
)
KNOWN = [
    "$$",
    "${X}",
    "${X:-y}",
    "a\\nb",
    "\\",
    "\\\\n",
    '"',
    "'",
    "'\"'",
    "#x",
    " #x",
    "\n",
    "a\r\nb",
    "${",
    "$X",
    " x ",
]


def read_back(values: list[str]) -> tuple[list[str], list[str]]:
    """Return `values` as a container would get them: by way of `.env`, and as literals of a compose file."""
    env = "".join(f"V{index}={quote_env(value)}\n" for index, value in enumerate(values))
    lines = [
        line
        for index, value in enumerate(values)
        for line in (f'      V{index}: "${{V{index}}}"', f"      L{index}: {quote_compose(value)}")
    ]
    override = "\n".join(["services:", "  a:", "    image: x", "    environment:", "      Z: z", *lines, ""])
    files = {
        "compose.upstream.yml": b"services: {}\n",
        "compose.override.yml": override.encode(),
        ".env": env.encode(),
    }
    environment = merged_definition("test", "/nowhere", files)["services"]["a"]["environment"]
    indexes = range(len(values))
    return [environment[f"V{index}"] for index in indexes], [environment[f"L{index}"] for index in indexes]


def test_known_troublemakers_survive() -> None:
    assert read_back(KNOWN) == (KNOWN, KNOWN)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(AWKWARD, min_size=20, max_size=40))
@pytest.mark.fault("F15")
def test_any_text_survives(values: list[str]) -> None:
    assert read_back(values) == (values, values)


@given(AWKWARD)
def test_quoted_texts_stand_on_one_line(value: str) -> None:
    assert "\n" not in quote_env(value) + quote_compose(value)
    assert "\r" not in quote_env(value) + quote_compose(value)
    assert yaml.safe_load(quote_compose(value)) == value.replace("$", "$$")


def test_nul_is_refused() -> None:
    for quote in (quote_env, quote_compose):
        with pytest.raises(ConfigurationError, match="NUL"):
            quote("a\0b")


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (1, "1"), (1.5, "1.5"), ("x", "x")])
def test_values_of_variables_become_texts(value: str | float | bool, text: str) -> None:
    assert environment_text(value) == text
