"""A run that was told relative paths is used from another folder."""

import shutil

import pytest


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Goes to another folder."""

    def go():
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "elsewhere")

    return go


def test_a_text_run_finds_its_table_and_its_model_folder(tiny_text, graft, elsewhere, small_bert, reviews, tmp_path):
    shutil.copytree(small_bert, tmp_path / "bert")
    for name in ("t.csv", "copy.csv"):
        shutil.copy(reviews, tmp_path / name)
    folder = tiny_text("datamodule.path=t.csv", "backbone.model=bert", "trainer.max_epochs=1")
    assert graft("train", "resume=tiny_text", "datamodule.path=copy.csv") == 0
    (tmp_path / "t.csv").unlink()
    elsewhere()
    assert graft("evaluate", f"run={folder}") == 0
    assert graft("predict", f"run={folder}", f"inputs={reviews}") == 0
    assert graft("train", "resume=../tiny_text", "trainer.max_epochs=2") == 0


def test_an_image_run_finds_its_folder_and_the_weights_it_began_with(tiny, graft, elsewhere, flowers, tmp_path):
    shutil.copytree(flowers, tmp_path / "flowers")
    tiny("trainer.max_epochs=1", name="source")
    folder = tiny("datamodule.root=flowers", "backbone.weights=source", "trainer.max_epochs=1")
    elsewhere()
    assert graft("train", f"resume={folder}", "trainer.max_epochs=2") == 0
    assert graft("evaluate", f"run={folder}") == 0


def test_data_that_were_moved_are_asked_for_and_must_be_the_same(tiny, graft, capsys, flowers, tmp_path):
    first, second = (shutil.copytree(flowers, tmp_path / name) for name in ("first", "second"))
    folder = tiny("trainer.max_epochs=1", f"datamodule.root={first}")
    shutil.rmtree(first)
    assert graft("evaluate", f"run={folder}") == 2
    error = capsys.readouterr().err
    assert str(first) in error
    assert "data=" in error
    assert graft("evaluate", f"run={folder}", f"data={second}") == 0
    next((second / "rose").iterdir()).unlink()
    assert graft("evaluate", f"run={folder}", f"data={second}") == 1
    assert "1 gone" in capsys.readouterr().err
