"""Reading compose files and example settings in the forms in which they are written."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.upstream_shape import parsed_compose, parsed_example

COMPOSE = b"""
services:
  jawn:
    build: {context: ../, dockerfile: valhalla/dockerfile}
    ports: ["${JAWN_PORT:-8585}:8585", {target: 1, published: 2}]
    profiles: [include-helicone]
    environment: {FLAG: true, EMPTY: , TEXT: " a ", PLAIN: "$$HOME"}
  redis:
    image: redis:8
    environment: [REDIS_PORT=6379, BARE]
volumes: {b: , a: }
"""


def test_services_in_both_forms_of_environment():
    shape = parsed_compose(COMPOSE, "c" * 40)
    jawn, redis = shape["services"]["jawn"], shape["services"]["redis"]
    assert jawn.image == "built from valhalla/dockerfile"
    assert jawn.environment == {"FLAG": "true", "EMPTY": "", "TEXT": "a", "PLAIN": "$$HOME"}
    assert jawn.ports == ("${JAWN_PORT:-8585}:8585", "published=2 target=1")
    assert jawn.profiles == ("include-helicone",)
    assert redis.environment == {"REDIS_PORT": "6379", "BARE": ""}
    assert (redis.image, shape["volumes"], shape["interpolated"]) == ("redis:8", ("a", "b"), ("JAWN_PORT",))


@pytest.mark.parametrize("content", [b"", b"a: [", b"services: 3", b"services: {jawn: 3}", b"[]"])
def test_what_is_no_compose_file(content):
    with pytest.raises(ConfigurationError, match="no compose file with services") as caught:
        parsed_compose(content, "c" * 40)
    assert caught.value.where == "upstream's compose file at cccccccccccc"


def test_examples_are_read_with_quotes_comments_and_export():
    text = b'# note\nA="1"\nexport B = two words\n\nC=\n#D=4\nnot a line\n'
    assert parsed_example(text) == {"A": "1", "B": "two words", "C": ""}
