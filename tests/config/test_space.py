"""Search spaces: what a command line and a file vary."""

import pytest

from graft.config.space import Interval, read_space
from graft.errors import ConfigError

PARAMS = {"optimizer.lr": "tag(log, interval(1e-4, 1))", "batch": "choice(16, 32)", "layers": "int(interval(1, 4))"}


def test_the_command_line_counts_where_it_names_a_key_that_the_file_varies():
    space = read_space(PARAMS, ["optimizer.lr=1e-3", "batch=8,64", "+trainer.max_steps=range(2,8,3)", "name='a b'"])
    assert space.varied == {"batch": ["8", "64"], "layers": Interval(1, 4, log=False), "+trainer.max_steps": ["2", "5"]}
    assert space.fixed == ["optimizer.lr=1e-3", "name='a b'"]
    assert space.overrides({"batch": "8", "layers": 3, "+trainer.max_steps": "5"})[2:] == [
        "batch=8",
        "layers=3",
        "+trainer.max_steps=5",
    ]


def test_optuna_samples_whole_numbers_between_whole_numbers_and_rates_by_their_logarithm():
    lr, batch, layers = read_space(PARAMS, []).distributions().values()
    assert (lr.low, lr.high, lr.log) == (1e-4, 1.0, True)
    assert batch.choices == ("16", "32")
    assert (type(layers).__name__, layers.low, layers.high, layers.log) == ("IntDistribution", 1, 4, False)


def test_a_grid_is_every_combination_and_an_interval_has_none():
    assert len(list(read_space({}, ["a=1,2", "b=x,y,z"]).grid())) == 6
    with pytest.raises(ConfigError, match=r"optimizer\.lr: an interval has no end of values"):
        read_space(PARAMS, []).grid()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("a=interval(2,1)", "is empty"),
        ("a=interval(1,1)", "is empty"),
        ("a=range(3,3)", "holds no value"),
        ("a=tag(log,interval(0,1))", "a logarithmic scale has no 0"),
        ("a=tag(log,interval(-1,1))", "a logarithmic scale has no -1"),
    ],
)
def test_a_space_that_holds_nothing_is_refused(said, reason):
    with pytest.raises(ConfigError, match=reason):
        read_space({}, [said])
