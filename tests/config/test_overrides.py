import pytest
from omegaconf import OmegaConf

from graft.config.overrides import is_group, open_mapping, parse, quote_paths, quote_plain, quoted, sweep_points
from graft.errors import ConfigError

PATHS = [
    "plain", "with space", "a=b", "it's", '"both" \'kinds\'', "back\\slash", "ends\\", "\\'", "a,b", "(x)", "{a: b}",
    "[a]", "${seed}", "$HOME", "ünï", "a#b", "~x", "null ", "1e3",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_any_text_survives_quoting(path):
    (override,) = parse([f"key={quoted(path)}"])
    assert OmegaConf.create({"key": override.value()}).key == path


def test_only_the_values_of_the_key_are_quoted_and_quotes_of_the_users_stay():
    line = ["resume=a b=c", "name=a", "resume='x y'", "resume=null", "resume="]
    assert quote_paths(line, "resume") == ["resume='a b=c'", "name=a", "resume='x y'", "resume=null", "resume="]


@pytest.mark.parametrize(
    "path",
    [
        "/x/my fotos äö",
        "/x/my photos (1)",
        "/x/a=b",
        "~/a;b & c",
        "a#b",
        "über",
        "日本/ü",
        "C:\\ä b\\",
    ],
)
def test_what_can_be_nothing_but_text_needs_no_quotes(path):
    (line,) = quote_plain([f"+datamodule.root= {path} "])
    (override,) = parse([line])
    assert override.get_key_element() == "+datamodule.root"
    assert not override.is_sweep_override()
    assert OmegaConf.create({"key": override.value()}).key == path


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("a=/x/ä,/y/b c,3", ["a='/x/ä'", "a=/y/b\\ c", "a=3"]),
        ("a=/x/plain,/y", ["a=/x/plain", "a=/y"]),
        ("a=ä,b (2)", ["a='ä'", "a='b (2)'"]),
    ],
)
def test_a_comma_is_a_sweep_all_the_same(typed, values):
    assert [point for (point,) in sweep_points(quote_plain([typed]))] == values


@pytest.mark.parametrize(
    "line",
    [
        "seed=1",
        "a='ä b'",
        "a=[ä,b]",
        "a={ä: 1}",
        "a=f(1",
        "a=choice(ä,b)",
        "a=1,interval(ä",
        "a=${ä}",
        "seed=1 name=b",
        "a=it's ä",
        "~a=ä b;c,ä=1",
        "nothing",
        "ä=1",
        "a=ä,",
    ],
)
def test_what_may_be_meant_otherwise_is_left_as_it_is(line):
    assert quote_plain([line]) == [line]


def test_a_mapping_of_any_keys_takes_new_ones():
    line = ["a.options.split=x", "a.optional=1", "+a.options.y=2"]
    assert open_mapping(line, "a.options") == ["++a.options.split=x", "a.optional=1", "+a.options.y=2"]


def test_all_malformed_overrides_are_told_together():
    with pytest.raises(ConfigError) as error:
        parse(["seed", "name=f(1", "strategy.phases[0].epochs=3", "seed=1"])
    told = str(error.value)
    assert "3 problems" in told
    assert "'seed' is no `key=value`" in told
    assert "\"name='f(1'\"" in told
    assert "strategy.phases.0.epochs=3" in told


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (["datamodule.root=Meine", "Bilder", "2024"], "'datamodule.root=Meine Bilder 2024'"),
        (["run='/x/My'", "run"], "'run=/x/My run'"),
        (["inputs=My", "pictures", "output=a", "b.csv"], "'output=a b.csv'"),
    ],
)
def test_a_value_that_was_cut_at_a_blank_is_told_to_want_quotes(line, hint):
    with pytest.raises(ConfigError) as error:
        parse(line)
    told = str(error.value)
    assert f"A value with blanks wants quotes: {hint}" in told
    assert told.count("no `key=value`") == told.count("wants quotes")
    assert "hydra.cc" not in told


def test_a_word_in_front_of_all_is_no_part_of_a_value():
    with pytest.raises(ConfigError, match=r"^'Bilder' is no `key=value`\. See https"):
        parse(["Bilder", "seed=1"])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("backbone=resnet18", True),
        ("+experiment=x", True),
        ("logger=[wandb,tensorboard]", True),
        ("~logger", True),
        ("optimizer@x=sgd", True),
        ("optimizer={lr: 1}", False),
        ("optimizer.lr=1", False),
        ("~callbacks.best", False),
        ("seed=1", False),
    ],
)
def test_choices_of_a_group_are_told_from_values(override, expected):
    assert is_group(parse([override])[0]) is expected


def test_every_value_of_a_sweep_comes_up_once():
    points = sweep_points(["a=1,2,3", "b=x,y", "c=5", "d=range(0,100)"])
    assert points == [
        ["a=1", "b=x", "c=5", "d=0"],
        ["a=2", "b=x", "c=5", "d=0"],
        ["a=3", "b=x", "c=5", "d=0"],
        ["a=1", "b=y", "c=5", "d=0"],
        ["a=1", "b=x", "c=5", "d=99"],
    ]


def test_the_ends_of_an_interval_are_tried():
    assert sweep_points(["+a=interval(0.1,0.5)"]) == [["+a=0.1"], ["+a=0.5"]]
