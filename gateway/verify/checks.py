"""How a check is written: a test function with a title, for each thing that a host's release has of a kind.

    @check("container {service} runs the pinned image", service=services)
    def test_image(target: Target, service: ServiceView) -> None:
        ...

It becomes one test per host and service, called `app1: container jawn runs the pinned image`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from gateway.verify.release_view import ServiceView
    from gateway.verify.target import Target

Function = TypeVar("Function", bound=Callable[..., None])
Cases = Callable[["Target"], Iterable[Any]]
_ATTRIBUTE = "helicone_check"


@dataclass(frozen=True)
class Check:
    """What the decorator notes about a test: its title, and the argument that takes each case."""

    title: str
    argument: str
    cases: Cases | None
    applies: Callable[[Target], bool]

    def titled(self, case: Any) -> str:
        """Return the title for one case."""
        return self.title.format(**{self.argument: case}) if self.argument else self.title


def check(title: str, *, when: Callable[[Target], bool] | None = None, **each: Cases) -> Callable[[Function], Function]:
    """Mark a test function as a check.

    One keyword names an argument of the function and gives its cases on a host; `{argument}` stands
    for the case in the title. Without a keyword the check is made once per host. `when` limits it to
    the hosts for which it is true; the default is: those that have a release.
    """
    ((argument, cases),) = each.items() if each else ((("", None),))

    def mark(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, Check(title, argument, cases, when or has_release))
        return function

    return mark


def check_of(function: Callable[..., Any]) -> Check:
    """Return what `check` noted. Raises TypeError for a test without the decorator."""
    found = getattr(function, _ATTRIBUTE, None)
    if not isinstance(found, Check):
        raise TypeError(f"{function.__name__} is a test without @check")
    return found


def has_release(target: Target) -> bool:
    """Tell whether the host has a release of this environment."""
    return target.has_release


def always(_target: Target) -> bool:
    """Let a check be made on every host, with or without a release."""
    return True


def runs(*services: str) -> Callable[[Target], bool]:
    """Return a condition: the host's release has all of these services."""
    return lambda target: target.has_release and all(name in target.release.services for name in services)


def services(target: Target) -> Iterable[ServiceView]:
    """Return the services that keep running on the host, as cases."""
    return target.release.services.values()
