"""What the documents tell people to type exists, and both READMEs tell the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.inventory import load_inventory
from tasks import namespace
from tests.unit.situations import HOSTS, load

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = [
    ENGLISH,
    CHINESE,
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md")),
    *ROOT.glob("docs/**/*.md"),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!http)([^)#]+)\)")
VERB = re.compile(r"\binvoke ([a-z]+(?:\.[a-z]+)?)\b((?: --?[a-z]+(?: [^\s`]+)?)*)")


def blocks(path: Path, language: str) -> list[str]:
    """Return the code blocks of one language, without comments and translated messages."""
    found = [text for kind, text in BLOCK.findall(path.read_text()) if kind == language]
    return [re.sub(r"\s+#.*", "", text) for text in found]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path):
    missing = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_verbs_and_flags_exist(path: Path):
    for verb, flags in VERB.findall(path.read_text()):
        assert verb in namespace.task_names, f"{path.name}: invoke {verb}"
        known = {flag for argument in namespace[verb].get_arguments() for flag in argument.names}
        for flag in re.findall(r"--([a-z]+)", flags):
            assert flag in known or f"{flag}_" in known, f"{path.name}: invoke {verb} --{flag}"


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if "reference" not in path.parts], ids=lambda path: path.name
)
def test_what_is_to_be_put_into_an_inventory_is_accepted(path: Path, tmp_path: Path):
    for number, text in enumerate(blocks(path, "yaml")):
        folder = tmp_path / str(number)
        load(folder, hosts=text if "hosts:" in text else HOSTS)
        variables = folder / "project" / "inventory" / "trial" / "group_vars"
        variables.mkdir()
        (variables / "all.yml").write_text("" if "hosts:" in text else text)
        assert load_inventory(folder / "project", "trial").hosts


@pytest.mark.parametrize("language", ["sh", "yaml", "python", "text"])
def test_both_languages_give_the_same_code(language: str):
    assert blocks(ENGLISH, language) == blocks(CHINESE, language) != []


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_shown_output_is_from_a_real_run(path: Path):
    captured = {line.rstrip() for file in ROOT.glob("docs/captures/*.txt") for line in file.read_text().splitlines()}
    shown = {line for block in blocks(path, "text") for line in block.splitlines()}
    assert shown
    assert shown - captured == set()


def test_both_languages_have_the_same_sections():
    counts = [
        [len(re.findall(pattern, path.read_text(), re.MULTILINE)) for pattern in (r"^## ", r"^\*\*", r"^- ", r"^\| ")]
        for path in (ENGLISH, CHINESE)
    ]
    assert counts[0] == counts[1]


def test_the_inventory_of_the_first_deployment_loads(tmp_path: Path):
    folder = tmp_path / "inventory" / "mine"
    (folder / "group_vars").mkdir(parents=True)
    (tmp_path / "roles").symlink_to(ROOT / "roles")
    hosts, variables, another_provider = blocks(ENGLISH, "yaml")
    (folder / "hosts.yml").write_text(hosts)
    (folder / "group_vars" / "all.yml").write_text(variables)
    host = load_inventory(tmp_path, "mine").hosts["helicone1"]
    assert host.roles == ("data", "app", "edge")
    (folder / "group_vars" / "all.yml").write_text(another_provider)
    host = load_inventory(tmp_path, "mine").hosts["helicone1"]
    assert host.variables.providers["vllm"].base_url == "http://10.0.0.5:8000/v1"
