"""The reference pages are what the program reads today."""

from pathlib import Path

import pytest
from invoke.collection import Collection

from gateway.commands.commands_page import commands_page
from gateway.commands.reference import reference_pages, variables_page, write_reference
from gateway.verb import verb
from tasks import namespace
from verbs.topics import TOPICS

ROOT = Path(__file__).resolve().parents[3]
PAGES = reference_pages(ROOT, namespace, TOPICS)


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_in_the_repository_are_current(name):
    drifted = (ROOT / "docs" / "reference" / name).read_text() != PAGES[name]
    assert not drifted, f"docs/reference/{name} is not what the program says; to write it anew: invoke reference"


def test_every_section_of_the_variables_is_on_the_page():
    page = variables_page(ROOT)
    for section in ("connection:", "jawn:", "deploy:", "docker:", "edge:", "allowed_absent:"):
        assert section in page
    assert ">-" not in page


def test_every_command_has_its_place_and_its_flags_and_codes_are_told():
    page = PAGES["commands.md"]
    placed = {name for names in TOPICS.values() for name in names}
    assert placed == set(namespace.task_names), "give each command its place in verbs/topics.py, then: invoke reference"
    for line in (
        "invoke rollback --env ENV [--to NUMBER] [--limit NAMES] [--old-secrets] [--report FILE.html] [--yes] [--json]",
        "invoke exec SERVICE --env ENV [--host HOST] [--command COMMAND] [--json]",
        "| 4 | Another command holds the lease of a host. |",
        "| `--set` | a variable for this run only, key=value; may be given several times |",
        "| `--from` | the id of the set; without it the newest proven one |",
    ):
        assert line in page.splitlines(), line


@verb(colour="which colour")
def paint(context, env="", colour="", json_=False, debug=False):
    """Paint it."""


def test_a_new_flag_or_command_changes_the_page():
    before = commands_page(Collection(), {})
    after = commands_page(Collection(paint), {})
    assert after.removeprefix(before) == (
        "\n## More\n\n### paint\n\nPaint it.\n\n```text\ninvoke paint --env ENV [--colour COLOUR] [--json]\n```\n\n"
        "| flag | what it does |\n|---|---|\n| `--colour` | which colour |\n"
    )


def test_the_pages_are_written_where_they_are_read(tmp_path, capsys):
    (tmp_path / "roles").symlink_to(ROOT / "roles")
    made = write_reference(tmp_path, namespace, TOPICS, as_json=False)
    assert made == {"pages": [f"docs/reference/{name}" for name in PAGES]}
    assert capsys.readouterr().out.split() == made["pages"]
    assert (tmp_path / "docs/reference/commands.md").read_text() == PAGES["commands.md"]
