from pathlib import Path

import numpy as np
import pytest

from graft.data.labels import Labels, read_labels
from graft.data.table import Kind
from graft.errors import ConfigError, GraftError

PATH = Path("t.csv")


def labels(kind: Kind, separator: str | None = None, **columns: list[str | None]) -> Labels:
    return read_labels(PATH, {name: np.array(values, object) for name, values in columns.items()}, kind, separator)


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
    found = labels(Kind.MULTI_LABEL, "|", tags=["red| big", None, "big"])
    assert found.classes == ["big", "red"]
    assert found.targets.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert found.present.all()


def test_the_rarest_label_of_a_row_is_what_is_stratified_by():
    found = labels(Kind.MULTI_LABEL, "|", tags=["a|b", "a", "a|b|c", None])
    assert found.strata.tolist() == [1, 0, 2, -1]


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
        (Kind.REGRESSION, {"price": ["1", "cheap"]}, "row 2, column 'price': 'cheap' is no number"),
    ],
)
def test_what_is_no_label_is_told_with_its_row(kind, columns, message):
    with pytest.raises(GraftError, match=message):
        labels(kind, **columns)


def test_one_class_a_sample_is_one_column():
    with pytest.raises(ConfigError, match="task=multilabel"):
        labels(Kind.SINGLE_LABEL, a=["1", "0"], b=["0", "1"])
