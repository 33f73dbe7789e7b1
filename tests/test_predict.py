"""Predictions of new inputs, from a run folder alone."""

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from PIL import Image


@pytest.fixture
def trained(tiny):
    return tiny("strategy=full_finetuning", "trainer.max_epochs=2", "optimizer.lr=1e-3")


def test_the_images_of_the_test_split_get_the_probabilities_of_the_training(trained, graft, flowers, tmp_path):
    known = {row["id"]: row for row in pq.read_table(trained / "predictions.parquet").to_pylist()}
    output = tmp_path / "out.csv"
    assert graft("predict", f"run={trained}", f"inputs={flowers}", f"output={output}") == 0
    rows = pyarrow.csv.read_csv(output).to_pylist()
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert len(rows) == 64
    compared = [row for row in rows if row["id"] in known]
    assert len(compared) == len(known) > 20
    for row in compared:
        assert row["probability/rose"] == pytest.approx(known[row["id"]]["probability/rose"], abs=1e-5)
        assert row["prediction"] == known[row["id"]]["prediction"]


def test_bad_inputs_are_counted_named_and_keep_their_place(trained, graft, flowers, tmp_path, capsys):
    first, last = sorted(flowers.rglob("*.png"))[:2]
    folder = tmp_path / "new"
    folder.mkdir()
    Image.open(first).save(folder / "a.png")
    (folder / "b.png").write_bytes(last.read_bytes()[:90])
    Image.open(last).save(folder / "c.png")
    assert graft("predict", f"run={trained}", f"inputs={folder}") == 0
    (output,) = (trained / "predictions").iterdir()
    rows = pq.read_table(output).to_pylist()
    assert [row["id"] for row in rows] == ["a.png", "b.png", "c.png"]
    assert [row["prediction"] is None for row in rows] == [False, True, False]
    assert [row["error"] is None for row in rows] == [True, False, True]
    said = " ".join((trained / "train.log").read_text().split())
    assert "1 of 3 inputs in" in said
    assert "b.png" in said


def test_an_output_that_exists_is_left_alone(trained, graft, flowers, tmp_path, capsys):
    output = tmp_path / "out.csv"
    output.write_text("mine")
    assert graft("predict", f"run={trained}", f"inputs={flowers}", f"output={output}") == 2
    assert output.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inputs=nowhere"], "nowhere does not exist"),
        (["inputs=.", "output=out.xlsx"], "name a .csv or a .parquet file"),
        ([], "inputs: has no value yet"),
        (["inputs=.", "colum=x"], "Did you mean 'column'"),
    ],
)
def test_mistakes_are_told_without_a_traceback(trained, graft, capsys, words, message):
    assert graft("predict", f"run={trained}", *words)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_folder_that_is_no_run_is_told(graft, tmp_path, capsys):
    assert graft("predict", f"run={tmp_path}", f"inputs={tmp_path}")
    assert "Traceback" not in capsys.readouterr().err
