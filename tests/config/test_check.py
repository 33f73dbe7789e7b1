from typing import Annotated, Any, Literal

import pytest
from omegaconf import OmegaConf

from graft.config.check import check
from graft.config.schema.backbones import Package
from graft.config.schema.kinds import Count, Node, Range, Share


def told(value: Any, hint: Any) -> list[str]:
    cfg = OmegaConf.create({"v": value})
    return list(check(cfg.v, hint, "v"))


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (3, int),
        (3, float),
        (1e-3, float),
        ("a", str),
        (True, bool),
        (None, int | None),
        ([1, 2], list[int]),
        ([], list[float]),
        ({"a": True}, dict[str, bool]),
        (1, Count),
        (1.0, Share),
        (None, Share | None),
        ("warn", bool | Literal["warn"]),
        (False, bool | Literal["warn"]),
        (16, Literal["bf16-mixed", 16]),
        ({"_target_": "anything.at.All", "x": 1}, Node),
        ("ddp", str | Node),
        ({"_target_": "a.B"}, str | Node),
        ({"distribution": "a", "file": "b", "sha256": "c"}, Package | None),
        ("anything", Any),
    ],
)
def test_what_fits_is_passed_over(value, hint):
    assert told(value, hint) == []


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("abc", int, "v: 'abc' is not a whole number."),
        (1.5, int, "v: 1.5 is not a whole number."),
        (True, int, "v: true is not a whole number."),
        (True, float, "v: true is not a number."),
        (1, bool, "v: 1 is not true or false."),
        (None, int, "v: null is not a whole number."),
        ("x", int | None, "v: 'x' is not a whole number or null."),
        (0, Count, "v: 0 is not a whole number of at least 1."),
        (1.5, Share, "v: 1.5 is not a number from 0 to 1."),
        ("a", Annotated[int, Range(0)] | None, "v: 'a' is not a whole number of at least 0 or null."),
        ([1, "a"], list[int], "v[1]: 'a' is not a whole number."),
        ({"a": 1}, dict[str, bool], "v.a: 1 is not true or false."),
        ("a", list[int], "v: 'a' is not a list (each item a whole number)."),
        ("maxx", Literal["max", "min"], "v: 'maxx' is not max | min. Did you mean 'max'?"),
        (1, bool | Literal["warn"], "v: 1 is not true or false or warn."),
        (1, Literal[True], "v: 1 is not true."),
        ([1], str | Node, "v: a list is not text or a mapping."),
        ({}, Node, "v: has no `_target_`, the class or function that makes it."),
        ("a", Node, "v: 'a' is not a mapping."),
    ],
)
def test_what_does_not_fit_is_told_in_the_users_words(value, hint, expected):
    assert told(value, hint) == [expected]


def test_a_number_in_the_place_of_text_comes_with_the_way_to_quote_it():
    assert told(123, str) == ["""v: 123 is not text. Quote it: v: '123' in a file, "v='123'" on the command line."""]


def test_a_node_of_ours_is_checked_wherever_it_lies_and_others_are_not():
    ours = {"_target_": "graft.tasks.Head", "hidden": ["a"], "dropuot": 0.5}
    assert told({"a": ours, "b": {"_target_": "torch.nn.Linear", "dropuot": 0.5}}, dict[str, Node]) == [
        "v.a.dropuot: unknown key. Did you mean 'v.a.dropout'? Known here: hidden, dropout.",
        "v.a.hidden[0]: 'a' is not a whole number of at least 1.",
        "v.a.dropout: the key is absent.",
    ]


def test_hydras_own_keys_are_known_everywhere():
    assert told({"_target_": "graft.tasks.Head", "hidden": [], "dropout": 0, "_convert_": "all"}, Node) == []
