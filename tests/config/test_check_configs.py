"""The hook that looks at configurations before a commit."""

import shutil
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook(tmp_path, monkeypatch):
    """The script, looking at a copy of the configurations; and the copy."""
    loader = SourceFileLoader("check_configs", str(ROOT / ".ci" / "check_configs"))
    script = module_from_spec(spec_from_loader(loader.name, loader))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(script)
    configs = tmp_path / "configs"
    shutil.copytree(ROOT / "configs", configs)
    for where in ("graft.config.compose.configs_dir", "graft.config.overrides.configs_dir"):
        monkeypatch.setattr(where, lambda: configs)
    monkeypatch.setattr(script, "configs_dir", lambda: configs)
    return script, configs


def test_a_mistake_is_told_with_its_file_and_so_are_those_in_what_is_built_upon_it(hook, capsys):
    script, configs = hook
    base = configs / "datamodule" / "image_folder.yaml"
    mine = configs / "datamodule" / "flowers.yaml"
    mine.write_text("defaults:\n  - image_folder\n\nnam: flowers\n")
    assert script.main([str(base)]) == 1
    assert capsys.readouterr().out.startswith(
        "configs/datamodule/flowers.yaml: datamodule.nam: unknown key. Did you mean"
    )
    mine.write_text("defaults:\n  - image_folder\n\nname: flowers\n")  # its root is for the command line
    assert script.main([str(base)]) == 0
    mine.write_text("defaults: [image_folder\n")
    assert script.main([str(mine)]) == 1
    assert "flowers.yaml, line 2" in capsys.readouterr().out
