"""The reference pages are what the program reads today."""

from pathlib import Path

from gateway.commands.reference import secrets_page, variables_page

ROOT = Path(__file__).resolve().parents[3]


def test_the_pages_in_the_repository_are_current():
    folder = ROOT / "docs" / "reference"
    assert (folder / "variables.md").read_text() == variables_page(ROOT), "run: invoke reference"
    assert (folder / "secrets.md").read_text() == secrets_page(), "run: invoke reference"


def test_every_section_of_the_variables_is_on_the_page():
    page = variables_page(ROOT)
    for section in ("connection:", "jawn:", "deploy:", "docker:", "edge:", "allowed_absent:"):
        assert section in page
    assert ">-" not in page
