"""Modules out of a zip, each compiled once."""

from __future__ import annotations

import importlib.util
import marshal
import zipfile

import pytest

from gateway.agent.importing import Once

SOURCE = "VALUE = 3\n"


@pytest.fixture
def folder(tmp_path):
    """Return a folder in a zip, from which `from_a_zip` can be imported, and how its code is put there."""
    file = tmp_path / "agent.zip"

    def write(**code):
        with zipfile.ZipFile(file, "w") as made:
            made.writestr("inside/from_a_zip.py", SOURCE)
            for name, data in code.items():
                made.writestr(f"inside/{name}.pyc", data)
        return Once(f"{file}/inside")

    return write


def imported(importer):
    spec = importer.find_spec("from_a_zip")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_source_is_compiled_once_and_remembered(folder):
    importer = folder()
    module = imported(importer)
    assert (module.VALUE, module.__file__) == (3, f"{importer.archive}/inside/from_a_zip.py")
    assert importer.fresh == {"from_a_zip": importer.get_code("from_a_zip")}
    assert importer.get_code("from_a_zip") is importer.fresh["from_a_zip"]


def test_what_is_compiled_already_is_not_fresh(folder):
    code = compile("VALUE = 4\n", "inside/from_a_zip.py", "exec")
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
    importer = folder(from_a_zip=head + marshal.dumps(code))
    assert imported(importer).VALUE == 4
    assert not importer.fresh


def test_code_of_another_python_is_left_alone(folder):
    importer = folder(from_a_zip=b"none" + bytes(12) + b"?")
    assert imported(importer).VALUE == 3
    assert list(importer.fresh) == ["from_a_zip"]
