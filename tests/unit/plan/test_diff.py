"""What an operator is shown of a file that changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.diff import file_diff, masked
from gateway.render.quoting import quote_env

KEY = b"k" * 32
OLD = 'PORT="8585"\nPASSWORD="hunter22hunter22"\nMODE="a"\n'


def lines(text):
    return [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_one_changed_variable_is_one_changed_line():
    assert lines(file_diff(".env", OLD, OLD.replace("8585", "8586"), {"PASSWORD"}, KEY)) == ["-PORT=8585", "+PORT=8586"]


def test_a_changed_secret_shows_that_it_changed_and_no_more():
    text = file_diff(".env", OLD, OLD.replace("hunter22hunter22", "another-one-of-it"), {"PASSWORD"}, KEY)
    assert len(lines(text)) == 2
    assert all("PASSWORD=[secret " in line for line in lines(text))
    assert "hunter" not in text
    assert "another" not in text


def test_nothing_changed_nothing_shown():
    assert file_diff(".env", OLD, OLD, {"PASSWORD"}, KEY) == ""
    assert file_diff(".env", OLD.replace('"a"', "a"), OLD, {"PASSWORD"}, KEY) == ""


def test_derived_files_are_left_out():
    assert file_diff("compose.labels.yml", "a", "b", (), KEY) == ""


def test_a_new_file_says_so():
    assert file_diff("edge/Caddyfile", None, "x\n", (), KEY).splitlines()[0].endswith("/dev/null")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=12))
def test_no_secret_is_shown_whatever_it_holds(secret):
    shown = masked(f"PASSWORD={quote_env(secret)}\n", {"PASSWORD"}, KEY)
    assert shown.startswith("PASSWORD=[secret ")
    assert len(shown) == len("PASSWORD=[secret 01234567]")


def test_edits_by_hand_do_not_uncover_a_secret():
    secret = "hunter22hunter22"
    for edit in (
        f'export PASSWORD="{secret}"',
        f'PASSWORD ="{secret}"',
        f"COPY={secret}\nPASSWORD={secret}",
        f'URL="x:{secret}@y"',
    ):
        assert secret not in file_diff(".env", f"{edit}\n", OLD, {"PASSWORD"}, KEY), edit
