"""Lengths of time as people type them."""

import pytest

from gateway.durations import seconds_in
from gateway.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("24h", 86400), ("7d", 604800), ("2w", 1209600), (" 1h ", 3600)]
)
def test_a_number_and_a_unit(text, seconds):
    assert seconds_in(text, "--since") == seconds


@pytest.mark.parametrize(
    "text",
    ["", "24", "h", "0s", "-1h", "1.5h", "1h30m", "24H", "1y", "٣h", "9999999s", "3651d", "999999w", "1h\x1b[31m"],
)
def test_anything_else_is_refused_with_the_flag_that_said_it(text):
    with pytest.raises(ConfigurationError, match="no length of time") as caught:
        seconds_in(text, "--since")
    assert caught.value.where == "--since"
    assert "\x1b" not in str(caught.value)
