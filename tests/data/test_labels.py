from pathlib import Path

import numpy as np
import pytest

from graft.data.labels import Labels, read_labels
from graft.data.strings import strings
from graft.data.table import Kind
from graft.errors import ConfigError, GraftError

PATH = Path("t.csv")


def labels(kind: Kind, separator: str | None = None, **columns: list[str | None]) -> Labels:
    return read_labels(PATH, {name: strings(values) for name, values in columns.items()}, kind, separator=separator)


def test_classes_are_sorted_as_numbers_before_words():
    found = labels(Kind.SINGLE_LABEL, label=["10", "9", None, "b", "9"])
    assert found.classes == ["9", "10", "b"]
    assert found.targets[[0, 1, 3, 4]].tolist() == [1, 0, 2, 0]
    assert found.present.tolist() == [True, True, False, True, True]


def test_a_column_for_each_label():
    found = labels(Kind.MULTI_LABEL, urgent=["1", "no", "TRUE"], billing=["0", "0", "yes"])
    assert found.classes == ["urgent", "billing"]
    assert found.targets.tolist() == [[1, 0], [0, 0], [1, 1]]


def test_several_labels_in_one_column_and_none_at_all():
    found = labels(Kind.MULTI_LABEL, "|", tags=["red| big", None, "big"] * 3)
    assert found.classes == ["big", "red"]
    assert found.targets[:3].tolist() == [[1, 1], [0, 0], [1, 0]]
    assert found.present.all()


def test_the_rarest_label_of_a_row_is_what_is_stratified_by():
    found = labels(Kind.MULTI_LABEL, "|", tags=["a|b", "a", "a|b|c", None] * 4)
    assert found.strata[:4].tolist() == [1, 0, 2, -1]


def test_values_are_shared_out_from_low_to_high():
    found = labels(Kind.REGRESSION, price=[str(value) for value in range(200)])
    assert found.targets.shape == (200, 1)
    assert [np.ptp(found.targets[found.strata == each]) for each in range(10)] == [19] * 10


def test_what_is_no_finite_value_has_no_label():
    assert labels(Kind.REGRESSION, price=["1", "inf", None]).present.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("kind", "columns", "message"),
    [
        (Kind.SINGLE_LABEL, {"label": ["a", "a"]}, "only one class, a"),
        (Kind.SINGLE_LABEL, {"label": [None, None]}, "no labels"),
        (Kind.MULTI_LABEL, {"a": ["1", "maybe"]}, "row 2, column 'a': 'maybe' is neither 0 nor 1"),
        (Kind.REGRESSION, {"price": ["1", "cheap"]}, "row 2, column 'price': 'cheap' is no number: correct it"),
        (
            Kind.REGRESSION,
            {"price": ["low", "high"]},
            "no other value of the column is: if they are classes, leave out",
        ),
        (
            Kind.REGRESSION,
            {"price": ["1", "1,5"]},
            "'1,5' is no number: write it with a decimal point and no comma, or",
        ),
        (
            Kind.REGRESSION,
            {"price": ["0,5", "-1.234,5"]},
            "'0,5' is no number .*: write it with a decimal point and no comma, or",
        ),
    ],
)
def test_what_is_no_label_is_told_with_its_row(kind, columns, message):
    with pytest.raises(GraftError, match=message):
        labels(kind, **columns)


def test_one_class_a_sample_is_one_column():
    with pytest.raises(ConfigError, match="task=multilabel"):
        labels(Kind.SINGLE_LABEL, a=["1", "0"], b=["0", "1"])


def test_numbers_written_in_two_ways_are_one_class():
    found = labels(Kind.SINGLE_LABEL, label=["0.0", "1.0", "0", "1", "1.50"])
    assert found.classes == ["0", "1", "1.5"]
    assert found.targets.tolist() == [0, 1, 0, 1, 2]
    assert labels(Kind.SINGLE_LABEL, version=["1.0", "1", "beta"]).classes == ["1", "1.0", "beta"]
    assert labels(Kind.MULTI_LABEL, urgent=["0.0", "1.0", "1"]).targets.ravel().tolist() == [0, 1, 1]


def test_lists_are_several_labels():
    found = labels(Kind.MULTI_LABEL, tags=[["b", "c"], [], None, ["c"]] * 3)
    assert found.classes == ["b", "c"]
    assert found.targets[:4].tolist() == [[1, 1], [0, 0], [0, 0], [0, 1]]
    with pytest.raises(GraftError, match=r"column 'tags' holds lists: .* task=multilabel"):
        labels(Kind.SINGLE_LABEL, tags=[["b"], ["c"]])


def test_rare_labels_are_named_and_can_be_left_out():
    tags = ["a|b"] * 6 + ["a|once"]
    with pytest.raises(GraftError, match=r"label 'once' is in 1 of 7 rows.*datamodule\.columns\.min_rows=3"):
        labels(Kind.MULTI_LABEL, "|", tags=tags)
    columns = {"tags": strings(tags)}
    found = read_labels(PATH, columns, Kind.MULTI_LABEL, separator="|", min_rows=3)
    assert found.classes == ["a", "b"]
    assert found.targets[-1].tolist() == [1, 0]


def test_rows_without_any_label_at_all_are_told():
    with pytest.raises(GraftError, match="column 'tags': no row has a label"):
        labels(Kind.MULTI_LABEL, "|", tags=[None, None])


def test_values_taken_for_classes_are_told():
    with pytest.raises(GraftError, match=r"80 different values in 80 rows are hardly classes.*task=regression"):
        labels(Kind.SINGLE_LABEL, score=[str(row / 10) for row in range(80)])


def test_na_is_a_class_but_no_value():
    assert labels(Kind.SINGLE_LABEL, country=["NA", "DE", "", "NaN"]).classes == ["DE", "NA"]
    assert labels(Kind.REGRESSION, price=["1", "NA", "n/a"]).present.tolist() == [True, False, False]


def test_keys_are_named_as_they_are():
    with pytest.raises(ConfigError, match=r"datamodule\.columns\.labels=\[a,b\]"):
        labels(Kind.SINGLE_LABEL, a=["1", "0"], b=["0", "1"])
    with pytest.raises(ConfigError, match=r"datamodule\.columns\.separator=; .*task=multilabel"):
        labels(Kind.SINGLE_LABEL, ";", a=["x;y", "x"])
