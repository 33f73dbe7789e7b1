"""Predictions of new inputs, from a run folder alone."""

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf
from PIL import Image

from graft.data import encodings
from graft.data.carried import carried_columns
from graft.errors import GraftError
from graft.predict import beside, column_of, save, save_beside


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
        (["inputs=https://a.b/photo.png"], "inputs=https://a.b/photo.png is an address: download"),
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


def said_in(folder):
    return " ".join((folder / "train.log").read_text().split())


def test_only_a_training_tells_of_random_weights(trained, graft, flowers):
    assert said_in(trained).count("starts from random weights") == 1
    before = said_in(trained).count("trained weights are in their place: best.ckpt")
    assert graft("predict", f"run={trained}", f"inputs={flowers}") == 0
    assert graft("evaluate", f"run={trained}") == 0
    assert said_in(trained).count("starts from random weights") == 1
    assert said_in(trained).count("trained weights are in their place: best.ckpt") == before + 2


@pytest.mark.parametrize(
    ("given", "trained_on", "samples_are", "column"),
    [
        ("review", {"columns": {"sample": "body"}}, "texts", "review"),
        (None, {"columns": {"sample": "body"}}, "texts", "body"),
        (None, {"sample": "sentence"}, "texts", "sentence"),  # huggingface
        (None, {"sample": None}, "texts", "text"),
        (None, {"archive": {}}, "texts", "text"),  # sentiment
        (None, {"root": "photos"}, "images", "path"),
    ],
)
def test_which_column_holds_the_samples(given, trained_on, samples_are, column):
    assert column_of(OmegaConf.create({"column": given}), OmegaConf.create(trained_on), samples_are) == column


def test_texts_too_long_or_in_another_encoding_are_counted_and_columns_come_along(tiny_text, graft, tmp_path):
    folder = tiny_text("trainer.max_epochs=1")
    table = tmp_path / "new.csv"
    table.write_bytes(b"key,text\na1,the film was great\na2,gr\xfcn\na3," + b"very " * 60 + b"bad\na4,dull\n")
    output = tmp_path / "out.parquet"
    assert graft("predict", f"run={folder}", f"inputs={table}", f"output={output}") == 0
    rows = pq.read_table(output).to_pylist()
    assert [row["input/key"] for row in rows] == ["a1", "a2", "a3", "a4"]
    assert rows[0]["input/text"] == "the film was great"
    assert [row["prediction"] is None for row in rows] == [False, True, False, False]
    assert rows[1]["error"].startswith("not UTF-8")
    assert "texts of more than 32 tokens: 1 of 3;" in said_in(folder)
    assert "1 of 4 inputs in" in said_in(folder)
    few = tmp_path / "few.csv"
    assert graft("predict", f"run={folder}", f"inputs={table}", "carry=[key]", f"output={few}") == 0
    names = pyarrow.csv.read_csv(few).column_names
    assert [name for name in names if name.startswith("input/")] == ["input/key"]


def test_nested_columns_come_along_into_csv_as_text(tiny_text, graft, tmp_path):
    folder = tiny_text("trainer.max_epochs=1")
    table = tmp_path / "new.jsonl"
    table.write_text('{"text": "the film", "tags": ["a", "b"]}\n')
    output = tmp_path / "out.csv"
    assert graft("predict", f"run={folder}", f"inputs={table}", f"output={output}") == 0
    assert pyarrow.csv.read_csv(output)["input/tags"].to_pylist() == ["['a', 'b']"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_of_several_parts_stay_side_by_side(tiny_text, graft, tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(encodings, "BLOCK", 1 << 6)
    folder = tiny_text("trainer.max_epochs=1")
    table = tmp_path / "new.jsonl"
    texts = ["" if row == 7 else f"the film {row}" for row in range(20)]
    table.write_text("".join(f'{{"text": "{text}", "n": {row}}}\n' for row, text in enumerate(texts)))
    output = tmp_path / f"out{suffix}"
    assert graft("predict", f"run={folder}", f"inputs={table}", f"output={output}") == 0
    found = pyarrow.csv.read_csv(output) if suffix == ".csv" else pq.read_table(output)
    assert found.column_names[0] == "id"
    assert found.column_names[-3:] == ["error", "input/text", "input/n"]
    assert found["input/n"].to_pylist() == list(range(20))
    assert [int(each) for each in found["id"].to_pylist()] == list(range(1, 21))
    assert [row for row, said in enumerate(found["error"].to_pylist()) if said] == [7]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_memory_does_not_grow_with_what_comes_along(tmp_path, suffix):
    held = []

    def parts():
        for _ in range(30):
            held.append(pa.total_allocated_bytes())
            yield pa.record_batch({"text": ["x" * 1_000_000]})

    table = pa.table({"id": [str(row) for row in range(30)]})
    save(tmp_path / f"out{suffix}", beside(table, parts(), tmp_path))
    assert max(held) - held[0] < 10_000_000


@pytest.mark.parametrize("rows", [1, 3])
def test_a_table_that_changes_while_it_is_predicted_is_told_and_nothing_is_left(tmp_path, rows):
    carried = iter([pa.record_batch({"n": [0]})] * rows)
    with pytest.raises(GraftError, match=f"new.csv had 2 rows .* and has {rows} now"):
        save(tmp_path / "out.csv", beside(pa.table({"id": ["1", "2"]}), carried, tmp_path / "new.csv"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changed", ["shorter", "gone"])
def test_predictions_are_kept_where_their_table_is_no_longer_what_it_was(tmp_path, changed):
    path, output = tmp_path / "new.parquet", tmp_path / "out.csv"
    pq.write_table(pa.table({"text": ["a"]}), path)
    carried = carried_columns(path, None)
    if changed == "gone":
        path.unlink()
    with pytest.raises(GraftError, match=r"The predictions are in .*out\.csv, without the columns of .*new\.parquet"):
        save_beside(output, pa.table({"id": ["1", "2"]}), carried, path)
    assert output.read_text() == '"id"\n"1"\n"2"\n'
