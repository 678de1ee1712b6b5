"""What is set for Helicone's services is what the rendered files say, and what is left out has a reason."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.own_variables import TEMPLATES, left_out, set_by_templates
from tests.unit.situations import PROJECT, load


def test_the_templates_are_read_as_they_render(tmp_path):
    """The names of each block stand between `environment:` and the next key of the service."""
    names = set_by_templates(PROJECT, load(tmp_path).hosts["app1"].variables)
    for service, template in TEMPLATES.items():
        text = (PROJECT / template).read_text().partition("    environment: !override\n")[2]
        block = text.partition("\n    healthcheck:")[0]
        written = {line.strip().partition(":")[0] for line in block.splitlines() if line.startswith("      ")}
        written = {name for name in written if not name.startswith("#")}
        assert names[service] == written, service
        assert len(names[service]) >= 6, service


def test_the_inventorys_own_variables_count(tmp_path):
    host = load(tmp_path, "jawn.environment.MINE=1", "web.environment.YOURS=2").hosts["app1"]
    names = set_by_templates(PROJECT, host.variables)
    assert "MINE" in names["jawn"]
    assert "YOURS" in names["web"]


def test_what_is_left_out_has_a_reason_and_is_not_set(tmp_path):
    names = set_by_templates(PROJECT, load(tmp_path).hosts["app1"].variables)
    for service, reasons in left_out(PROJECT).items():
        assert not names[service] & reasons.keys(), service


@pytest.mark.parametrize("text", ["web: {SMTP_HOST: }\n", "web: {SMTP_HOST: '  '}\n", "web: {SMTP_HOST: 3}\n"])
def test_a_name_without_a_reason_is_an_error(tmp_path, text):
    (tmp_path / "roles" / "app").mkdir(parents=True)
    (tmp_path / "roles" / "app" / "not_set.yml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"web.SMTP_HOST has no reason"):
        left_out(tmp_path)
