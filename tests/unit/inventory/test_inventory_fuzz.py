"""Whatever the files hold, loading gives an inventory or a ConfigurationError, and no traceback."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.inventory import Inventory
from gateway.inventory.schema import known_keys
from tests.examples import examples

if TYPE_CHECKING:
    from conftest import Project

FILES = ("hosts.yml", "group_vars/all.yml", "group_vars/app.yml", "host_vars/app1.yml")
VALID = (
    "app:\n  hosts:\n    app1: {connection: {address: 192.0.2.1}, private_address: 10.0.0.1}\n  vars:\n    ports:\n"
    "      ui: 3100\nedge: {children: {app: }}\ndata: {hosts: {app1: }}\njawn: {environment: {A: 'b'}}\nroles: [app]\n"
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.binary(max_size=4)
)
WORDS = st.one_of(
    st.sampled_from([name for key in known_keys() for name in key.split(".")]),
    st.sampled_from(["all", "hosts", "children", "vars", "app", "app1", "edge", "data", "ansible_host", "<<"]),
    st.text(max_size=6),
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=20
)
TEXTS = st.one_of(
    TREES.map(lambda tree: yaml.dump(tree, allow_unicode=True).encode()),
    st.binary(max_size=60),
    st.text(alphabet=string.printable, max_size=60).map(str.encode),
)
CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(VALID)), st.integers(0, 3), st.sampled_from([*" \t\n:-#'\"[]{}&*!|>%@`\x00~<?,", "é"])
    ),
    min_size=1,
    max_size=4,
)
QUICKLY = settings(
    max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def load(project: Project, *arguments: str, limit: str | None = None) -> None:
    """Load the environment; any exception but ConfigurationError fails the test."""
    try:
        assert isinstance(project.load(*arguments, limit=limit), Inventory)
    except ConfigurationError as raised:
        error = raised
    else:
        return
    assert error.where
    assert len(error.message.splitlines()) == 1
    assert error.message.isprintable()


@QUICKLY
@given(name=st.sampled_from(FILES), content=TEXTS)
def test_any_content(project: Project, name: str, content: bytes) -> None:
    before = (project.root / "inventory/lab/hosts.yml").read_bytes()
    project.write({name: content})
    load(project)
    (project.root / "inventory/lab" / name).unlink()
    project.write({"hosts.yml": before})


@QUICKLY
@given(name=st.sampled_from(FILES), changes=CHANGES)
def test_mutated_content(project: Project, name: str, changes: list[tuple[int, int, str]]) -> None:
    before = (project.root / "inventory/lab/hosts.yml").read_bytes()
    text = VALID
    for position, removed, added in changes:
        text = text[:position] + added + text[position + removed :]
    project.write({name: text})
    load(project)
    (project.root / "inventory/lab" / name).unlink()
    project.write({"hosts.yml": before})


@QUICKLY
@given(key=st.one_of(st.sampled_from(sorted(known_keys())), st.text(max_size=12)), value=st.text(max_size=20))
def test_any_setting(project: Project, key: str, value: str) -> None:
    load(project, f"{key}={value}")


@QUICKLY
@given(key=st.sampled_from(sorted(known_keys())), tree=TREES)
def test_any_value_of_a_known_key(project: Project, key: str, tree: object) -> None:
    load(project, f"{key}={yaml.dump(tree, default_flow_style=True)}")


@QUICKLY
@given(limit=st.text(max_size=12))
def test_any_limit(project: Project, limit: str) -> None:
    load(project, limit=limit)
