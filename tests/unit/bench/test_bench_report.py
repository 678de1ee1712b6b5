"""The report: medians over rounds, ratios, and stand-ins named as such."""

from __future__ import annotations

from bench.gateway.plot import LINKS
from bench.gateway.report import own_processor_us, report, summary
from bench.markdown import table
from bench.publish import BEGIN, END, publish, with_results
from bench.results import machine
from tests.unit.bench.rows import compared, endured, step


def cells(text: str, label: str) -> list[str]:
    """Return the cells of the first line of a table that begins with a label."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_median_of_the_rounds_is_compared_with_the_provider_alone():
    rows = [
        *(compared("direct", median, number) for number, median in enumerate((0.2, 0.1, 9.0), 1)),
        *(compared("edge", median, number) for number, median in enumerate((0.5, 0.4, 0.6), 1)),
    ]
    found = cells(report(rows), "this edge, recording on")
    assert found[2:5] == ["0.50", "+0.30", "2.5"]
    assert found[-3:] == ["100", "0", "300 of 300"]


def test_failures_of_one_round_are_not_lost_in_a_median():
    rows = [compared("edge", 1.0, number, failed=failed) for number, failed in ((1, 0), (2, 0), (3, 7))]
    assert summary(rows)[0]["failed"] == 7


def test_what_is_missing_in_the_store_shows():
    rows = [compared("edge", 1.0, 1), compared("edge", 1.0, 2, recorded=98, rows=98)]
    assert cells(report(rows), "this edge, recording on")[-1] == "198 of 200"


def test_jawn_is_named_a_stand_in_wherever_it_is_compared():
    text = report([machine(), compared("direct", 0.1), compared("inline", 5.0)])
    assert "jawn, with all of Helicone behind it, is a STAND-IN" in text
    assert all("STAND-IN" in line for line in text.splitlines() if line.startswith("| jawn"))


def test_own_time_leaves_out_what_others_spend():
    assert own_processor_us(compared("edge", 1.0), ("gateway", "recorder", "none")) == 100


def test_the_highest_rate_is_the_last_that_was_held():
    rows = [step(1000), step(2000), step(3000, held=False, failed=4)]
    text = report(rows)
    assert "recorded whole: 2,000 requests/s" in text
    assert cells(text, "3,000")[4:7] == ["4", "100 of 100", "no"]
    # 60 µs for each of 2,000 requests a second are 0.12 processors.
    assert cells(text, "2,000")[8] == "0.12"


def test_the_long_run_tells_how_memory_grew():
    text = report([endured()])
    assert "### 100,000 requests at 1,000/s" in text
    assert cells(text, "recorder") == ["recorder", "30.0", "34.0", "34.0", "+2.0"]


def test_a_long_run_that_was_not_delivered_whole_does_not_say_that_it_was():
    assert "; all delivered 3 s after" in report([endured()])
    text = report([endured() | {"recorded": 60000}])
    assert "all delivered" not in text
    assert "60,000 were delivered 3 s after the last answer, and the recorder held the others" in text


def test_a_table_has_a_line_for_each_row():
    assert table(("a", "b"), [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_results_replace_only_what_stands_between_the_marks():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_results(page, "new\n")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert with_results(once, "new\n") == once


def test_the_page_links_only_what_was_copied(tmp_path):
    folder, page = tmp_path / "run", tmp_path / "docs" / "page.md"
    folder.mkdir()
    page.parent.mkdir()
    (folder / "rows.jsonl").write_text("{}")
    (folder / "report.md").write_text("### Side by side")
    page.write_text(f"{BEGIN}{END}")
    publish(folder, page, LINKS, page.parent / "performance")
    assert (page.parent / "performance" / "rows.jsonl").read_text() == "{}"
    assert "(performance/rows.jsonl)" in page.read_text()
    assert "svg" not in page.read_text()
    assert "### Side by side" in page.read_text()
