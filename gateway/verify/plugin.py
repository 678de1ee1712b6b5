"""The pytest plugin of a verification: which checks a host gets, what they are called, and what became of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host as TestinfraHost

from gateway.verify.checks import check_of
from gateway.verify.report import Failure
from gateway.verify.target import Target

Redact = Callable[[str], str]


class Checks:
    """Parametrizes the check functions over the hosts that have their role, and collects the outcomes.

    `roles` gives each host's roles by name; `redact` takes every secret out of a text. `counts` and
    `failures` are filled while pytest runs.
    """

    def __init__(self, targets: Sequence[Target], roles: Mapping[str, Sequence[str]], redact: Redact) -> None:
        self.targets = targets
        self.roles = roles
        self.redact = redact
        self.counts: dict[str, int] = {target.name: 0 for target in targets}
        self.failures: list[Failure] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        """Draw up no source lines for a failure, which becomes one sentence: they take longer than all the checks."""
        config.option.tbstyle = "no"  # `--tb` itself is an option of the terminal's plugin, which is switched off

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test per host and case."""
        role = Path(metafunc.module.__file__).parent.parent.name
        check = check_of(metafunc.function)
        arguments = ["target", check.argument] if check.argument else ["target"]
        values, titles = [], []
        for target in self.targets:
            if role not in self.roles[target.name] or not check.applies(target):
                continue
            for case in check.cases(target) if check.cases else [None]:
                values.append([target, case][: len(arguments)])
                titles.append(f"{target.name}: {check.titled(case)}")
        metafunc.parametrize(arguments, values, ids=titles)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the placeholders of checks that no host needs, and put each host's checks together."""
        functions = [item for item in items if isinstance(item, pytest.Function)]
        items[:] = [item for target in self.targets for item in functions if _target(item) is target]

    @pytest.fixture
    def host(self, target: Target) -> TestinfraHost:
        """Testinfra's view of the host under test."""
        return target.host

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Function) -> bool | None:
        """Call a check directly where it wants nothing but the host and its case: pytest's way takes ten times as long.

        One with other fixtures or with marks, and every one that goes into a JUnit file, is pytest's own to run.
        """
        arguments = {"host": _target(item).host, **item.callspec.params}
        wanted = set(item.fixturenames)
        if not wanted <= arguments.keys() or any(mark.name != "parametrize" for mark in item.iter_markers()):
            return None
        self.counts[_target(item).name] += 1
        try:
            item.obj(**{name: arguments[name] for name in wanted})
        except pytest.skip.Exception:
            pass
        except Exception as error:  # noqa: BLE001 - a check may break in any way, and is told as broken then
            item.session.testsfailed += 1
            self._note(item, error)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Count the check; make its failure one sentence without source lines, values or secrets."""
        report = yield
        if report.when == "call" or (report.failed and report.when == "setup"):
            self.counts[_target(item).name] += 1
        if report.failed and call.excinfo is not None:
            report.longrepr = self._note(item, call.excinfo.value)
        return report

    def _note(self, item: pytest.Function, error: BaseException) -> str:
        """Keep a failure and return its sentence."""
        title = _title(item)
        message = self.redact(_sentence(title, error))
        self.failures.append(Failure(_target(item).name, title.partition(": ")[2], message))
        return message

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file of checks that cannot be read as a failure too."""
        if report.failed:
            self.failures.append(
                Failure("", report.nodeid, self.redact(f"{report.nodeid}: {report.longreprtext[-500:]}"))
            )


class Titles:
    """Calls each check in the JUnit file what it is called here; without such a file it would be work for nothing."""

    @pytest.fixture(autouse=True)
    def _named(self, request: pytest.FixtureRequest, record_xml_attribute: Callable[[str, object], None]) -> None:
        """Call the test in the JUnit file what it is called here."""
        host, _, title = _title(request.node).partition(": ")
        record_xml_attribute("classname", host)
        record_xml_attribute("name", title)


def load_ahead(path: Path) -> Any:
    """Return the `ahead` function of a file of checks, None if it has none.

    A file that cannot be read is none of this function's business: pytest will say so.
    """
    name = f"gateway_verify_ahead.{path.parent.parent.name}.{path.stem}"
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None  # noqa: S101 - the path ends in .py
    assert specification.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their own module up
    with suppress(Exception):
        specification.loader.exec_module(module)
    return getattr(module, "ahead", None)


def _target(item: pytest.Function) -> Any:
    """Return the host that a check is made on; for a placeholder it is a marker of pytest's own."""
    return item.callspec.params["target"]


def _title(item: pytest.Function) -> str:
    """Return `<host>: <title>`, which is the parameters' id."""
    return str(item.callspec.id)


def _sentence(title: str, error: BaseException) -> str:
    """Return the sentence of a failed check; what another pytest around this one adds to it is left out."""
    if isinstance(error, AssertionError):
        return str(error).partition("\n")[0]
    return f"{title}: the check broke: {type(error).__name__}: {error}"
