"""Laying layers over each other: what wins, what stays, and where each value is said to come from."""

from __future__ import annotations

import contextlib
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.document import parse_document
from gateway.inventory.layers import Layer, layer_of, merge, nested, set_layer
from tests.examples import examples

if TYPE_CHECKING:
    from conftest import Project

NAMES = st.text("ABC_", min_size=1, max_size=2)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="{}%"), max_size=5)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "publish_address": TEXTS,
        "roles": st.lists(st.sampled_from(["app", "data", "edge"]), max_size=3),
        "ports": st.dictionaries(st.sampled_from(["ui", "gateway", "jawn"]), st.integers(1, 9)),
        "jawn": st.fixed_dictionaries(
            {}, optional={"memory": TEXTS, "environment": st.dictionaries(NAMES, TEXTS, max_size=3)}
        ),
        "providers": st.dictionaries(NAMES, st.fixed_dictionaries({}, optional={"base_url": TEXTS}), max_size=2),
        "firewall": st.fixed_dictionaries({}, optional={"ssh_from": st.lists(TEXTS, max_size=2)}),
    },
)


def layer(document: dict[str, Any], number: int = 0) -> Layer:
    return layer_of(parse_document(yaml.dump(document), "x"), Path(f"{number}.yml"), f"layer {number}")


def laid_over(below: Any, above: Any) -> Any:
    """Return what the documents must give: mappings merge key by key, anything else is replaced."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {
        **below,
        **{key: laid_over(below[key], value) if key in below else value for key, value in above.items()},
    }


def bared(tree: Any) -> Any:
    """Leave out mappings that hold nothing: to lay one over others says nothing either."""
    if not isinstance(tree, dict):
        return tree
    kept = {key: bared(value) for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value != {}}


@given(st.lists(DOCUMENTS, max_size=5))
def test_mappings_merge_key_by_key_and_lists_replace(documents: list[dict[str, Any]]) -> None:
    merged = nested(merge(layer(one) for one in documents))
    assert bared(merged) == bared(reduce(laid_over, documents, {}))


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_the_grouping_does_not_matter(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> None:
    a, b, c = (layer(one, number) for number, one in enumerate((first, second, third)))
    assert merge([merge([a, b]), c]) == merge([a, merge([b, c])]) == merge([a, b, c])
    assert merge([a, a]) == merge([a]) == a


@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_each_value_is_the_last_layers_that_has_it_and_says_its_file_and_line(documents: list[dict[str, Any]]) -> None:
    layers = [layer(one, number) for number, one in enumerate(documents)]
    for key, leaf in merge(layers).items():
        number = max(number for number, one in enumerate(layers) if key in one)
        assert leaf == layers[number][key]
        assert (leaf.origin.layer, str(leaf.origin.file)) == (f"layer {number}", f"{number}.yml")
        written = yaml.dump(documents[number]).splitlines()[leaf.origin.line - 1]
        assert yaml.safe_load(written.strip().partition(":")[0]) == key.rpartition(".")[2]


@given(st.lists(st.tuples(st.sampled_from(["ports.ui", "ports.jawn", "jawn.environment.A"]), st.integers(1, 9))))
def test_of_settings_typed_the_last_of_a_key_wins(typed: list[tuple[str, int]]) -> None:
    found = set_layer([f"{key}={value}" for key, value in typed])
    assert {key: leaf.value for key, leaf in found.items()} == dict(typed)


PLACES = ("group_vars/all.yml", "group_vars/edge.yml", "host_vars/app1.yml", "--set")


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(PLACES), st.integers(10_000, 60_000)))
def test_the_order_of_precedence_holds_for_every_choice_of_places(project: Project, chosen: dict[str, int]) -> None:
    for place in PLACES[:-1]:
        with contextlib.suppress(FileNotFoundError):
            (project.root / "inventory/lab" / place).unlink()
        if place in chosen:
            project.write({place: f"# a comment\nports:\n  ui: {chosen[place]}\n"})
    typed = [f"ports.ui={chosen['--set']}"] if "--set" in chosen else []
    inventory = project.load(*typed)
    last = next((place for place in reversed(PLACES) if place in chosen), None)
    host = inventory.hosts["app1"]
    assert host.variables.ports.ui == (chosen[last] if last else 3000)
    origin = str(host.origins["ports.ui"])
    expected = {None: "roles/common/role.yml:", "--set": "--set ports.ui"}.get(last, f"inventory/lab/{last}:3")
    assert origin.startswith(expected)
