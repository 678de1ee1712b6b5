"""Envoy's resources of before and after in one file."""

from gateway.agent.resources import joined

AFTER = b'# note\nversion_info: "b"\nresources:\n\n  - "@type": x\n    name: "one"\n    port: 2\n\n'
TWO = b'  - "@type": x\n    name: "two"\n'
BEFORE = b'version_info: "a"\nresources:\n  - "@type": x\n    name: "one"\n    port: 1\n' + TWO


def test_what_goes_is_added_and_what_stays_is_as_it_will_be():
    both = joined(AFTER, BEFORE).decode()
    assert both.startswith('# note\nversion_info: "b and before"\nresources:\n')
    assert both.count('name: "one"') == 1
    assert "port: 2" in both
    assert "port: 1" not in both
    assert both.endswith('  - "@type": x\n    name: "two"\n')


def test_without_anything_that_goes_it_is_the_file_itself():
    assert joined(BEFORE, AFTER) == BEFORE
    assert joined(AFTER, b"") == AFTER
    assert joined(b"no resources", b"nor here") == b"no resources"
