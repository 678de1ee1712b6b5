"""A report as a file: where it may be written, and what never gets into it."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.report import report_path, write_page
from gateway.report.page import TEMPLATES, redacted_data

PAGE = {
    "title": "<b>T</b>", "made_by": "me", "when": "now", "sentence": "a & b", "mood": "good", "unaffected": "",
    "next_step": "", "environment": "x", "release": "", "previous": {}, "who": "w", "begun": "b", "seconds": "1",
    "failures": [], "timeline": {"hosts": [], "ticks": [], "seconds": 0}, "changes": None, "verifications": [],
}  # fmt: skip


def test_no_report_is_asked_for():
    assert report_path("") is None


@pytest.mark.parametrize("text", ["report.txt", "report", ".html", "/", "..", "a\0.txt", "x" * 5000, "\x1b[31m"])
def test_what_is_no_html_file_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"does not end in \.html") as caught:
        report_path(text)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["/proc/r.html", "/proc/none/r.html", "a\0b.html", f"{'x' * 300}.html", "folder.html"])
def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        report_path(text)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


def test_a_folder_that_is_missing_is_made_with_the_report_and_not_before(tmp_path):
    path = report_path(str(tmp_path / "new" / "r.html"))
    assert list(tmp_path.iterdir()) == []
    write_page(path, "rollout.html.j2", PAGE, lambda text: text)
    assert path.is_file()


def test_the_look_leaves_nothing_behind_and_an_old_report_as_it_is(tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old")
    assert report_path(str(path)) == path
    assert [one.read_text() for one in tmp_path.iterdir()] == ["old"]


def test_it_is_private_escaped_and_asks_nobody_for_anything(tmp_path):
    path = tmp_path / "r.html"
    write_page(path, "rollout.html.j2", PAGE, lambda text: text)
    page = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "&lt;b&gt;T&lt;/b&gt;" in page
    assert "A &amp; b." in page
    for word in ("http:", "https:", "<script", "src=", "@import", "url(", "<link", "<b>T"):
        assert word not in page, word
    assert "default-src 'none'" in page


def test_every_template_is_escaped_everywhere():
    texts = [path.read_text() for path in TEMPLATES.glob("*.j2")]
    assert len(texts) >= 4
    assert not any(word in text for text in texts for word in ("| safe", "|safe", "autoescape"))


def test_texts_are_redacted_wherever_they_stand():
    data = {"a hidden": ["hidden", {"b": ("hidden", 3, None, True)}]}
    assert redacted_data(data, lambda text: text.replace("hidden", "-")) == {"a -": ["-", {"b": ["-", 3, None, True]}]}
