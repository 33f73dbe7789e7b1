"""A run's model in other formats, from its run folder alone, and what its card says."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from omegaconf import OmegaConf
from PIL import Image

from graft import export as command
from graft.backbones.images import ImagePreprocessing
from graft.data.images import decode
from graft.errors import GraftError
from graft.export import _model, write
from graft.exporting import checking, programs
from graft.exporting.inference import images as of_images
from graft.exporting.inference import preparing
from graft.exporting.network import Network
from graft.exporting.preparation import _steps
from graft.runs.folder import RunFolder

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def trained_once(tiny_task, tmp_path_factory):
    from graft.cli import main

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    own = ["strategy=full_finetuning", "trainer.max_epochs=1", "optimizer.lr=1e-3", "cache.enabled=false"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_ROOT", str(folder.parent))
        patch.setattr(sys, "argv", ["graft", "train", *tiny_task, *own, f"hydra.run.dir={folder}", "name=tiny"])
        assert main() == 0
    return folder


@pytest.fixture
def images(trained_once, tmp_path):
    return shutil.copytree(trained_once, tmp_path / "run" / "tiny")


@pytest.fixture
def texts(tiny_text):
    return tiny_text("strategy=lora", "trainer.max_epochs=2", "optimizer.lr=1e-2")


def code_of(folder):
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    return code


def known_of(run, read_column="probability/rose"):
    return {row["id"]: row[read_column] for row in pq.read_table(run / "predictions.parquet").to_pylist()}


def test_an_onnx_model_of_texts_takes_any_batch_and_length_and_says_what_the_run_says(texts, graft, read, capsys):
    """With LoRA merged, by ONNX Runtime and a tokenizer alone, from what lies in the folder."""
    import onnxruntime
    from tokenizers import Tokenizer

    assert graft("export", f"run={texts}", "format=onnx") == 0
    folder = texts / "exports" / "onnx"
    told = read(folder, "preprocessing.json")
    tokenizer = Tokenizer.from_file(str(folder / told["preprocessing"]["tokenizer"]))
    tokenizer.enable_truncation(told["preprocessing"]["max_length"])
    tokenizer.enable_padding(pad_id=told["preprocessing"]["pad_token_id"])
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    assert [each.name for each in session.get_inputs()] == [each["name"] for each in told["inputs"]]
    said = [f"the film {number} was {'very ' * (number % 7)}great" for number in range(7)]
    (texts / "said.txt").write_text("\n".join(said))
    assert graft("predict", f"run={texts}", f"inputs={texts}/said.txt", f"output={texts}/out.parquet") == 0
    expected = pq.read_table(texts / "out.parquet")["probability/good"].to_numpy()
    cut = tokenizer.encode_batch(said)
    ids, mask = (np.array([getattr(each, name) for each in cut]) for name in ("ids", "attention_mask"))
    (found,) = session.run([told["output"]["name"]], {"input_ids": ids, "attention_mask": mask})
    assert found[:, told["classes"].index("good")] == pytest.approx(expected, abs=1e-5)
    assert np.ptp(found) > 1e-3, "the same for all would prove nothing"
    check = read(folder, "export.json")["check"]
    assert check["batch_sizes"] == [1, 5]
    assert check["max_difference"] <= 1e-4
    assert "validation split" in check["samples"]


def test_weights_for_the_hub_are_loaded_and_predict_by_the_code_of_their_card(
    images, graft, flowers, tmp_path, capsys, monkeypatch
):
    assert graft("export", f"run={images}", "format=hub", f"to={tmp_path}/hub") == 0
    folder = tmp_path / "hub"
    assert f"hf upload <you>/tiny {folder}" in capsys.readouterr().out
    name, expected = next(iter(known_of(images).items()))
    shutil.copy(flowers / name, folder / "photo.png")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    exec(code_of(folder), {})
    monkeypatch.delitem(sys.modules, "inference")
    (said,) = eval(capsys.readouterr().out.splitlines()[-1])
    assert said["rose"] == pytest.approx(expected, abs=1e-5)
    assert "graft" not in re.findall(r"^(?:import|from) (\w+)", (folder / "inference.py").read_text(), re.MULTILINE)
    _, header, card = (folder / "README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(header)
    assert told["pipeline_tag"] == "image-classification"
    assert told["license"] == "unknown"
    assert "unknown: find out before you publish" in card
    summary = json.loads((images / "summary.json").read_text())
    metrics = {each["type"]: each["value"] for each in told["model-index"][0]["results"][0]["metrics"]}
    assert metrics["auroc"] == pytest.approx(summary["test/auroc"], abs=1e-5)
    low, high = json.loads((images / "scores.json").read_text())["intervals"]["auroc"]
    assert re.search(rf"\| auroc \| .* \| {low:.4g} … {high:.4g} \|", card)
    counted = json.loads((images / "data.json").read_text())
    assert re.search(rf"\| train \| {counted['samples']['train']} \| \d+ \| \d+ \|\n", card)
    assert not re.search(r"^\|.*\n(?=[^|\n])", card, re.MULTILINE), "a table ends with an empty line"


def test_an_export_is_written_whole_or_not_at_all_and_over_nothing(images, graft, capsys, monkeypatch):
    monkeypatch.setattr(checking, "TOLERANCE", -1.0)
    assert graft("export", f"run={images}", "format=safetensors") == 1
    said = capsys.readouterr().err
    assert "model.safetensors differs from the run's own predictions" in said
    assert "nothing was exported" in said
    assert [path.name for path in (images / "exports").iterdir()] == []
    monkeypatch.undo()


def test_another_network_than_the_runs_is_refused(images, tmp_path, monkeypatch):
    """A weight changes on the way into the file."""
    model = _model(RunFolder.open(images), "best")

    class Wrong(Network):
        def __init__(self, task, names):
            super().__init__(task, names)
            self.backbone.model.norm.bias.data += 0.5

    monkeypatch.setattr(command, "Network", Wrong)
    with pytest.raises(GraftError, match=r"model\.safetensors differs .* by up to"):
        write(model, "safetensors", None, tmp_path)


@pytest.fixture
def labelled(graft, flowers, tmp_path, tiny_words):
    """Trains on a table of the images with the labels that it is given; returns the run folder and the table."""

    def train(kind, labels, *own):
        table, run = tmp_path / "table.csv", tmp_path / kind
        rows = zip(sorted(flowers.rglob("*.png")), labels, strict=True)
        table.write_text("path,label\n" + "".join(f"{path},{label}\n" for path, label in rows))
        words = [word for word in tiny_words if not word.startswith("datamodule=")]
        words += [f"task={kind}", "datamodule=image_table", f"datamodule.path={table}", "trainer.max_epochs=1"]
        assert graft("train", *words, *own, f"hydra.run.dir={run}") == 0
        return run, table

    return train


def test_labels_come_out_of_each_format_as_the_run_says_them(labelled, graft, read, tmp_path):
    """By ONNX Runtime, by torch alone and by the folder's own script, of images that the script prepares."""
    import onnxruntime

    labels = [
        "|".join(["cell", *(["even"] if number % 2 else []), *(["third"] if number % 3 else [])])
        for number in range(64)
    ]
    run, _ = labelled("multilabel", labels, "datamodule.columns.separator='|'")
    for form in ("onnx", "torch", "safetensors"):
        assert graft("export", f"run={run}", f"format={form}", f"to={tmp_path}/{form}") == 0
        assert read(tmp_path / form, "export.json")["check"]["max_difference"] <= 1e-4
        told = read(tmp_path / form, "preprocessing.json")
        assert told["classes"] == ["cell", "even", "third"]
        assert "sigmoid is part of the network" in told["output"]["meaning"]
        assert "above 0.5" in told["output"]["meaning"]
    script = runpy.run_path(f"{tmp_path}/safetensors/inference.py")["Model"](tmp_path / "safetensors")
    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    inputs = torch.stack([script.prepare(row["id"]) for row in rows])
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    said = {
        "onnx": session.run([told["output"]["name"]], {"images": inputs.numpy()})[0],
        "torch": torch.export.load(tmp_path / "torch" / "model.pt2").module()(inputs).numpy(),
        "safetensors": np.array([list(each.values()) for each in script.predict([row["id"] for row in rows])]),
    }
    known = np.array([[row[f"probability/{name}"] for name in told["classes"]] for row in rows])
    assert np.ptp(known, axis=0).min() > 1e-3, "the same for all would prove nothing"
    assert np.abs(known.sum(axis=1) - 1).min() > 0.1, "so would a softmax"
    for form, found in said.items():
        assert np.abs(found - known).max() < 1e-5, form
        assert ((found > 0.5) == [[row[f"prediction/{name}"] for name in told["classes"]] for row in rows]).all()


def test_values_come_out_in_their_unit(labelled, graft, tmp_path, read):
    """From a run whose data have moved: the check is on random inputs then, and says so."""
    run, table = labelled("regression", range(100, 740, 10))
    table.unlink()
    assert graft("export", f"run={run}", "format=safetensors", f"to={tmp_path}/out") == 0
    told = read(tmp_path / "out", "export.json")["check"]
    assert told["samples"].startswith("random inputs, seed 0, as the run's data cannot be read here")
    assert "random inputs" in (tmp_path / "out" / "README.md").read_text()
    model = _model(RunFolder.open(run), "best")
    network = Network(model.task, model.examples.keys)
    program = tmp_path / "model.pt2"
    programs.save_program(programs.traced(network, model.examples), program)
    assert programs.program_runner(program)({"images": torch.randn(3, 3, 32, 32)}).min() > 50
    assert checking.check(model.task, model.examples, programs.program_runner(program), program).largest <= 1e-4


def test_looks_at_a_sample_are_part_of_a_program_and_refused_where_they_would_be_lost(images, tmp_path):
    model = _model(RunFolder.open(images), "best")
    model.task.test_time_augmentation = {"flip": lambda inputs: inputs.flip(-1)}
    network = Network(model.task, model.examples.keys)
    batch = model.examples.batches[1]
    expected = model.task.said(batch["images"])
    assert torch.allclose(network(batch["images"]), expected, atol=1e-6)
    model.task.test_time_augmentation = {}
    assert not torch.allclose(model.task.said(batch["images"]), expected, atol=1e-6)
    model.task.test_time_augmentation = {"flip": lambda inputs: inputs.flip(-1)}
    with pytest.raises(GraftError, match="weights alone would lose it"):
        write(model, "hub", None, tmp_path)


def test_runs_of_other_seeds_beside_it_are_in_the_card(images):
    """Recorded: a copy with another seed and another score, one with another rate, one that has not ended."""
    run = RunFolder.open(images)
    for name, key, value, state in (
        ("second", "seed", 7, "done"),
        ("other", "optimizer.lr", 0.5, "done"),
        ("third", "seed", 8, "failed"),
    ):
        copy = RunFolder(shutil.copytree(run.path, run.path.with_name(name)))
        cfg = OmegaConf.load(copy.config)
        OmegaConf.update(cfg, key, value)
        OmegaConf.save(cfg, copy.config)
        summary = copy.load_summary()
        copy.save_summary({**summary, "test/accuracy": summary["test/accuracy"] - 0.1})
        copy.status.write_text(copy.status.read_text().replace('"done"', f'"{state}"'))
    over_seeds, count = command._over_seeds(run)
    assert count == 2
    mean, deviation = over_seeds["test/accuracy"]
    assert mean == pytest.approx(run.load_summary()["test/accuracy"] - 0.05)
    assert deviation == pytest.approx(0.1 / 2**0.5)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["format=onxx"], 2, "Did you mean 'onnx'"),
        ([], 2, "format: has no value yet"),
        (["format=onnx", "quantize=int8"], 2, "quantize=int8 works with format=torch only"),
        (["format=torch", "to=there"], 2, "there exists already: choose another folder"),
        (["format=torch", "checkpoint=last"], 1, "last.ckpt is missing; there is best"),
        (["format=onnx", "without=onnxruntime"], 1, "pip install 'graft[export]'"),
    ],
)
def test_mistakes_are_told(words, code, message, recorded, graft, capsys, monkeypatch, tmp_path):
    (tmp_path / "there").mkdir()
    for name in [word.partition("=")[2] for word in words if word.startswith("without=")]:
        monkeypatch.setitem(sys.modules, name, None)
    said = [word for word in words if not word.startswith("without=")]
    assert graft("export", f"run={recorded}", *said) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_an_unfinished_run_is_told(recorded, graft, capsys):
    status = recorded / "status.json"
    status.write_text(status.read_text().replace('"done"', '"interrupted"'))
    assert graft("export", f"run={recorded}", "format=torch") == 1
    assert (
        "is no finished run, its state is interrupted: go on with it by `graft train resume=" in capsys.readouterr().err
    )


@pytest.fixture
def recorded(tmp_path):
    """A run's folder with a checkpoint that nothing will read."""
    folder = tmp_path / "recorded"
    shutil.copytree(Path(__file__).parent / "comparing" / "recorded", folder)
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints" / "best.ckpt").touch()
    return folder


@pytest.fixture
def kinds(tmp_path):
    """Image files of every kind that is not simply RGB, and one that is."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    random = np.random.default_rng(0)
    red = random.integers(0, 256, (61, 84, 1), dtype=np.uint8) * np.array([1, 0, 0], np.uint8)
    image = Image.fromarray(red)
    half = Image.fromarray(random.integers(0, 2, (61, 84), dtype=np.uint8) * 255)
    see_through = image.copy()
    see_through.putalpha(half)
    colours = image.quantize(200)
    palette = Image.fromarray(np.where(np.asarray(half), 200, np.asarray(colours)).astype(np.uint8))
    palette.putpalette([*colours.getpalette()[:600], 0, 0, 0])
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(folder / "rgb.png")
    image.save(folder / "turned.png", exif=turned)
    image.save(folder / "turned.jpg", exif=turned)
    image.convert("L").save(folder / "grey.png")
    image.convert("CMYK").save(folder / "cmyk.jpg")
    see_through.save(folder / "rgba.png")
    see_through.convert("LA").save(folder / "la.png")
    palette.save(folder / "palette.png", transparency=200)
    image.save(folder / "moving.gif", save_all=True, append_images=[see_through.convert("L")])
    Image.fromarray(random.integers(0, 2**16, (61, 84), dtype=np.uint16)).save(folder / "sixteen.png")
    return folder


def test_files_of_every_kind_are_prepared_as_graft_predict_prepares_them(images, graft, kinds, monkeypatch):
    """By the folder's own script, and by the docs' lines for ONNX Runtime."""
    for form in ("onnx", "safetensors"):
        assert graft("export", f"run={images}", f"format={form}") == 0
    assert graft("predict", f"run={images}", f"inputs={kinds}", f"output={kinds}.parquet") == 0
    known = {row["id"]: row["probability/rose"] for row in pq.read_table(f"{kinds}.parquet").to_pylist()}
    assert len(known) == 10
    assert np.ptp(list(known.values())) > 1e-3, "the same for all would prove nothing"
    script = runpy.run_path(str(images / "exports/safetensors/inference.py"))["Model"](images / "exports/safetensors")
    found = script.predict([kinds / name for name in known])
    assert [each["rose"] for each in found] == pytest.approx(list(known.values()), abs=1e-4)
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "export.md").read_text(), re.DOTALL)
    monkeypatch.chdir(images / "exports/onnx")
    monkeypatch.syspath_prepend(str(images / "exports/onnx"))
    for name in known:
        shutil.copy(kinds / name, "photo.png")
        made: dict[str, object] = {}
        exec(code, made)
        prediction = made["session"].run(None, {"images": made["inputs"]})[0][0]
        assert prediction[made["told"]["classes"].index("rose")] == pytest.approx(known[name], abs=1e-4), name
    monkeypatch.delitem(sys.modules, "preparing")
    exec(code_of(images / "exports/onnx"), {})


def script_of(folder, *files):
    return subprocess.run([sys.executable, folder / "inference.py", *files], capture_output=True, text=True)


def numbers(line):
    return {name: float(value) for name, value in (each.split() for each in line.split(", "))}


def test_the_script_of_images_predicts_the_files_it_is_given(images, graft, flowers, tmp_path):
    assert graft("export", f"run={images}", "format=safetensors", f"to={tmp_path}/out") == 0
    name, expected = next(iter(known_of(images).items()))
    (tmp_path / "broken.png").write_text("no image")
    ran = script_of(tmp_path / "out", flowers / name, tmp_path / "broken.png")
    assert ran.returncode == 1
    assert f"{tmp_path}/broken.png: cannot identify" in ran.stderr
    assert "Traceback" not in ran.stderr
    path, said = ran.stdout.strip().split(": ")
    assert path == str(flowers / name)
    assert numbers(said) == pytest.approx({"rose": expected, "tulip": 1 - expected}, abs=1e-3)
    assert list(numbers(said).values()) == sorted(numbers(said).values(), reverse=True)


def test_the_script_of_texts_predicts_lines_as_graft_predict_does(texts, graft, tmp_path):
    """A mark of byte order, white space, letters of two kinds of composition, an empty line and other bytes."""
    assert graft("export", f"run={texts}", "format=safetensors", f"to={tmp_path}/out") == 0
    lines = ["\ufeffgreat film", "  the film was\tdull \r", "", "cafe\u0301 great", "caf\u00e9 great", "GREAT"]
    given = tmp_path / "given.txt"
    given.write_bytes("\n".join(lines).encode() + b"\n\xe9 great\n")
    assert graft("predict", f"run={texts}", f"inputs={given}", f"output={tmp_path}/known.parquet") == 0
    known = pq.read_table(tmp_path / "known.parquet").to_pylist()
    ran = script_of(tmp_path / "out", given)
    said = dict(line.removeprefix(f"{given}, line ").split(": ", 1) for line in ran.stdout.splitlines())
    assert ran.returncode == 1
    for row in known:
        if row["error"] is None:
            assert numbers(said.pop(row["id"]))["good"] == pytest.approx(row["probability/good"], abs=1e-4)
    assert said == {}
    assert [row["id"] for row in known if row["error"]] == ["3", "7"]
    assert "line 3: the text is empty" in ran.stderr
    assert "line 7: 'utf-8' codec can't decode" in ran.stderr
    assert script_of(tmp_path / "out").stderr.startswith("usage: python inference.py texts.txt")
    with pytest.raises(ValueError, match="the text is empty"):
        runpy.run_path(str(tmp_path / "out/inference.py"))["Model"](tmp_path / "out").predict(["great", " "])


def test_pixels_without_a_fixed_range_are_refused_outside_of_graft_too(tmp_path):
    Image.new("F", (4, 4)).save(tmp_path / "floats.tiff")
    Image.new("I", (4, 4), 2**20).save(tmp_path / "long.tiff")
    for script in (of_images, preparing):
        for name in ("floats", "long"):
            with Image.open(tmp_path / f"{name}.tiff") as image, pytest.raises(ValueError, match="no fixed range"):
                script.rgb(image)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(40, 51), (97, 33), (150, 201), (20, 24)])
def test_images_are_prepared_without_torch_as_by_torchvision(interpolation, channels, shape, tmp_path):
    """Up and down, at odd sides; of grey images a pixel may be rounded otherwise."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    mean, std = (0.5, 0.4, 0.3)[:channels], (0.2, 0.3, 0.4)[:channels]
    preprocess = ImagePreprocessing(32, 0.9, interpolation, mean, std)
    expected = preprocess(decode(tmp_path / "noise.png")).numpy()
    difference = np.abs(preparing.prepared(tmp_path / "noise.png", _steps(preprocess)) - expected)
    assert difference.max() < (1e-5 if channels == 3 else 1.1 / 255 / 0.2)
    assert difference.mean() < 1e-4


@pytest.mark.slow
def test_int8_weights_are_measured_on_the_validation_split_beside_float32(texts, graft, read):
    pytest.importorskip("torchao")
    assert graft("export", f"run={texts}", "format=torch", "quantize=int8") == 0
    folder = texts / "exports" / "torch_int8"
    told = read(folder, "export.json")["int8"]
    assert (told["split"], told["samples"]) == ("val", read(texts, "data.json")["samples"]["val"])
    assert set(told["speed"]) == {"1", "5"}
    assert 0 < told["max_difference"] < 0.1, "float32's predictions, nearly"
    assert told["scores"]["accuracy"][0] == pytest.approx(read(texts, "summary.json")["val/accuracy"], abs=1e-3)
    card = (folder / "README.md").read_text()
    assert f"{told['speed']['5']:.2f} times as fast in batches of 5" in card
    without = """if True:
        import sys
        sys.modules["torchao"] = None
        import torch
        program = torch.export.load("model.pt2")
        said = program.module()(torch.ones((3, 6), dtype=torch.int64), torch.ones((3, 6), dtype=torch.int64))
        print({str(value.dtype) for value in program.state_dict.values()}, said.sum(dim=1).tolist())
    """
    ran = subprocess.run([sys.executable, "-c", without], cwd=folder, capture_output=True, text=True)
    assert "torch.int8" in ran.stdout, ran.stderr
    assert json.loads(ran.stdout[ran.stdout.index("[") :]) == pytest.approx([1, 1, 1], abs=1e-5)


def test_neighbours_of_the_training_set_are_part_of_a_program(tiny, graft, tmp_path, capsys):
    run = tiny("strategy=knn")
    assert graft("export", f"run={run}", "format=torch", f"to={tmp_path}/out") == 0
    assert json.loads((tmp_path / "out" / "export.json").read_text())["check"]["max_difference"] <= 1e-4
    assert graft("export", f"run={run}", "format=hub", f"to={tmp_path}/hub") == 1
    assert "take format=onnx or format=torch" in capsys.readouterr().err
