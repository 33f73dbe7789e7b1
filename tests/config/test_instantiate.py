import functools
import sys
from textwrap import dedent

import pytest
from omegaconf import OmegaConf

from graft.config.instantiate import build, build_all
from graft.errors import ConfigError, GraftError

PARTS = """
    from graft.errors import GraftError

    class Part:
        def __init__(self, size, name="part", inner=None, *, items=()):
            self.size, self.name, self.inner, self.items = size, name, inner, items

    class Open:
        def __init__(self, **options):
            if "bad" in options:
                raise ValueError("bad is not taken")
            self.options = options

    def mistaken(path):
        raise GraftError(f"{path} is missing")

    def broken(size):
        return 1 / size
"""


@pytest.fixture(autouse=True)
def _parts(tmp_path, monkeypatch):
    """A library called `parts`, and the same as a part of Graft."""
    (tmp_path / "parts.py").write_text(dedent(PARTS))
    (tmp_path / "faulty.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    import parts

    monkeypatch.setitem(sys.modules, "graft.parts", parts)
    monkeypatch.setattr(sys.modules["graft"], "parts", parts, raising=False)
    yield
    sys.modules.pop("parts")


def message(text, path="part", **extra):
    with pytest.raises(ConfigError) as error:
        build(OmegaConf.select(OmegaConf.create(text), path), **extra)
    return str(error.value)


def test_containers_arrive_plain_and_interpolations_resolved():
    cfg = OmegaConf.create("width: 7\npart: {_target_: parts.Part, size: '${width}', items: [1, {a: 2}]}")
    part = build(cfg.part)
    assert part.size == 7
    assert type(part.items) is list
    assert type(part.items[1]) is dict


def test_what_is_handed_on_is_neither_copied_nor_converted():
    cfg = OmegaConf.create({"part": {"_target_": "parts.Part", "size": 1}})
    items = [object(), {"a": 1}]
    part = build(cfg.part, items=items)
    assert part.items is items


def test_what_is_handed_on_replaces_the_nodes_own_which_is_not_built():
    cfg = OmegaConf.create({"part": {"_target_": "parts.Part", "size": 1, "inner": {"_target_": "parts.Part"}}})
    assert build(cfg.part, inner="ready").inner == "ready"
    assert cfg.part.inner._target_ == "parts.Part"


def test_replacing_keeps_relative_and_absolute_interpolations():
    cfg = OmegaConf.create("width: 7\npart: {_target_: parts.Part, size: '${width}', name: '${.size}', inner: 1}")
    cfg._set_flag("struct", True)
    part = build(cfg.part, inner=2)
    assert (part.size, part.name, part.inner) == (7, 7, 2)


def test_a_partial_lacks_what_it_will_be_given():
    cfg = OmegaConf.create({"part": {"_target_": "parts.Part", "_partial_": True, "name": "a"}})
    factory = build(cfg.part)
    assert isinstance(factory, functools.partial)
    assert factory.keywords == {"name": "a"}
    assert factory(3).size == 3


def test_entries_that_are_null_are_left_out_and_all_others_get_the_extras():
    cfg = OmegaConf.create(
        {"a": {"_target_": "parts.Part"}, "b": None, "c": {"_target_": "parts.Open"}},
    )
    built = build_all(cfg, size=3)
    assert list(built) == ["a", "c"]
    assert built["a"].size == 3
    assert built["c"].options == {"size": 3}
    assert build_all(OmegaConf.create({})) == {}


def test_an_unknown_argument_is_told_with_key_target_and_nearest_name():
    assert message("part: {_target_: parts.Part, size: 1, nmae: a}") == (
        "part.nmae: parts.Part takes no argument 'nmae'. Did you mean 'name'?"
    )


def test_all_unknown_and_lacking_arguments_are_told_together_however_deep():
    told = message(
        "part: {_target_: parts.Part, inner: {_target_: parts.Part, sise: 1}, items: [{_target_: parts.Part}]}"
    )
    assert "4 problems" in told
    assert "part: parts.Part needs 'size'; give it: part.size=…" in told
    assert "part.inner.sise: parts.Part takes no argument 'sise'. Did you mean 'size'?" in told
    assert "part.inner: parts.Part needs 'size'" in told
    assert "part.items[0]: parts.Part needs 'size'" in told


def test_a_partial_may_lack_arguments_but_not_misspell_them():
    assert "part.sise: parts.Part takes no argument" in message(
        "part: {_target_: parts.Part, _partial_: true, sise: 1}"
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("part: {_target_: parts.Open, bad: 1}", "part"),
        ("part: {_target_: parts.Part, size: 1, inner: {_target_: parts.Open, bad: 1}}", "part.inner"),
    ],
)
def test_what_another_librarys_class_refuses_is_told_with_the_key(text, key):
    assert message(text) == f"{key}: parts.Open refuses its arguments: ValueError: bad is not taken"


@pytest.mark.parametrize(
    "text",
    [
        "part: {_target_: graft.parts.mistaken, path: x}",
        "part: {_target_: parts.Part, size: 1, inner: {_target_: graft.parts.mistaken, path: x}}",
        "part: {_target_: parts.mistaken, path: x}",
    ],
)
def test_our_own_errors_pass_unchanged(text):
    with pytest.raises(GraftError) as error:
        build(OmegaConf.create(text).part)
    assert type(error.value) is GraftError
    assert str(error.value) == "x is missing"


@pytest.mark.parametrize(
    "text",
    [
        "part: {_target_: graft.parts.broken, size: 0}",
        "part: {_target_: graft.parts.Part, size: {_target_: graft.parts.broken, size: 0}}",
    ],
)
def test_a_defect_of_ours_keeps_its_traceback(text):
    cfg = OmegaConf.create(text.replace("graft.parts.broken", "graft.parts.broken"))
    sys.modules["graft.parts"].broken.__module__ = "graft.parts"
    with pytest.raises(ZeroDivisionError):
        build(cfg.part)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("parts.Prat", "part._target_: cannot import 'parts.Prat': "),
        ("no_such_package.Part", "No module named 'no_such_package'"),
        ("faulty.Part", "No module named 'no_such_library'"),
    ],
)
def test_a_target_that_cannot_be_imported_is_told(target, expected):
    assert expected in message(f"part: {{_target_: {target}}}")


def test_a_forbidden_target_does_not_run():
    assert "os.system" in message("part: {_target_: os.system, command: 'false'}")


def test_a_node_without_target_is_told():
    assert message("part: {size: 1}") == "part: has no `_target_`, the class or function that makes it."
