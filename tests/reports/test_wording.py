import math

import pytest

from graft.reports.wording import decimals, duration, fixed, label, moment, number, percent, short

SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (3373570, "3,373,570"), (175596.31, "175,596"), (0.001, "0.001"), (0.42941, "0.4294"),
     (1e30, "1e+30"), (-169688.2, "-169,688")],
)  # fmt: skip
def test_numbers_have_no_exponent_where_one_can_read_them(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0001, "<1"), (0.004999, "<1"), (0.4, "40"), (0.994, "99"), (0.9999, ">99"), (1.0, "100")],
)
def test_a_share_is_called_nothing_or_all_only_where_it_is(value, text):
    assert percent(value) == f"{text}{SPACE}%"


@pytest.mark.parametrize(
    ("size", "leading", "places"),
    [(1.0, 3, 3), (0.8509, 3, 3), (0.0536, 3, 4), (1.2, 3, 2), (69712.0, 3, 0), (0.054, 2, 3), (0.23, 2, 2),
     (0.0061, 2, 4), (0.0, 3, 3), (math.nan, 3, 3), (1e-12, 3, 6)],
)  # fmt: skip
def test_decimals_leave_the_leading_digits(size, leading, places):
    assert decimals(size, leading) == places


def test_fixed_keeps_the_zeros_and_has_a_dash_for_what_is_undefined():
    assert [fixed(value, 3) for value in (0.92, 1.0, None, math.nan)] == ["0.920", "1.000", "–", "–"]
    assert fixed(69712.3, 0) == "69,712"


def test_times_are_written_for_people():
    assert moment("2026-11-24T23:13:38+00:00") == "2026-11-24 23:13 UTC"
    assert moment("2026-11-25T00:13:38+01:00") == "2026-11-24 23:13 UTC"
    written = [duration(seconds).replace(SPACE, " ") for seconds in (4.31, 59.96, 130.4, 3725)]
    assert written == ["4.3 s", "1 min 0 s", "2 min 10 s", "1 h 2 min"]


def test_names_are_written_as_in_a_text_and_leave_room():
    assert [label(name) for name in ("auroc", "macro_f1", "r2", "cell_type")] == [
        "AUROC",
        "macro F1",
        "R²",
        "cell type",
    ]
    assert short("a" * 28) == "a" * 28
    assert short("a" * 29) == "a" * 27 + "…"
