"""Every strategy file, from the command line to the run folder."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

EPOCHS = {"gradual_unfreezing": 8}
LAST = "callbacks.best.monitor=null"  # the newest checkpoint, however it validates
ONE_PASS = ("linear_probe", "knn")
ADAPTERS = ("lora", "dora", "ia3")
TRAINED = ["trainer.max_epochs=2", "test=false"]


def fit(tiny, strategy, *overrides, **keywords):
    epochs = [f"trainer.max_epochs={EPOCHS[strategy]}"] if strategy in EPOCHS else []
    start = ["strategy.start.count=5"] if strategy in ("linear_probe", "lp_ft") else []
    return tiny(*TRAINED, f"strategy={strategy}", *epochs, *start, *overrides, name=strategy, **keywords)


@pytest.mark.parametrize(
    "strategy",
    [
        "feature_extraction", "linear_probe", "knn", "layerwise", "full_finetuning", "discriminative",
        "gradual_unfreezing", "surgical", "lp_ft", "bitfit", "norm_only", "lora", "dora", "ia3",
    ],
)  # fmt: skip
def test_each_strategy_trains_what_its_table_says_and_nothing_else(tiny, graft, read, weights, strategy):
    folder = fit(tiny, strategy)
    assert read(folder, "status.json")["state"] == "done"
    before, after = start_of(strategy, tiny, weights), weights(folder)
    changed = {name for name, value in after.items() if name in before and not torch.equal(value, before[name])}
    assert {name for name in after if name.startswith("backbone.")} <= before.keys()
    rows = read(folder, "stages.json")
    sizes = sum(after[name].numel() for name in changed if name.startswith("backbone."))
    allowed = sum(max(row["learning"] for row in rows if row["stage"] == stage) for stage in stages_of(rows))
    assert sizes <= allowed
    for stage in (row["stage"] for row in rows if row["stage"] != "head" and row["learning"]):
        assert any(changed & names for names in [parts_of(stage, after)]), stage
    assert bool(sizes) == (strategy not in ("feature_extraction", *ONE_PASS))
    if strategy in ("bitfit", "norm_only", "lora", "dora", "ia3"):
        parts = {"bitfit": ("bias",), "norm_only": ("norm",), "ia3": ("ia3_",)}.get(strategy, ("lora_",))
        assert all(any(part in name for part in parts) for name in changed if name.startswith("backbone."))


def start_of(strategy, tiny, weights, known={}):  # noqa: B006  # one run serves all tests of a process
    """The start is not in the folder: with weights of a seed it is what a training of no effect leaves behind."""
    like = strategy if strategy in ADAPTERS else "feature_extraction"
    if like not in known:
        fit(tiny, like, "optimizer.lr=0", "hydra.run.dir=start", "optimizer.weight_decay=0")
        known[like] = weights(Path("start"))
    return known[like]


@pytest.mark.parametrize("strategy", ONE_PASS)
def test_where_no_epoch_is_trained_none_need_be_validated(tiny, read, strategy):
    """Early stopping listens to validations outside of a training too, where the intervals are not an epoch each."""
    folder = fit(tiny, strategy, "trainer.check_val_every_n_epoch=2")
    assert read(folder, "status.json")["state"] == "done"


def test_a_head_that_learns_nothing_is_for_the_strategy_that_fills_it(tiny, capsys):
    fit(tiny, "full_finetuning", "task/head=nearest_neighbours", code=2)
    assert "take task/head=linear" in capsys.readouterr().err


def test_an_adapter_is_not_written_alone_where_the_backbone_learnt_too(tiny):
    rest = "lr_scale: 1.0, lr_decay: 1.0}"
    phases = f"{{train: all, parameters: adapter, epochs: 1, {rest},{{train: all, epochs: null, {rest}"
    folder = fit(tiny, "lora", f"strategy.phases=[{phases}]")
    assert {file.name for file in (folder / "adapter").iterdir()} == {"head.safetensors", "backbone.safetensors"}


def test_a_mean_without_a_validation_is_of_the_last_weights(tiny, read):
    folder = fit(tiny, "lp_ft", "average=wise_ft", "callbacks.wise_ft.alphas=[1]", "trainer.check_val_every_n_epoch=5")
    best, last = (torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True) for name in ("best", "last"))
    assert read(folder, "interpolation.json")["chosen"] == 1
    assert all(torch.equal(value, last["state_dict"][name]) for name, value in best["state_dict"].items())


def parts_of(stage, state):
    """The names of a stage of this ViT: the stem holds what is embedded, the last block the norm behind it."""
    number = stage.removeprefix("block_")
    return {
        name
        for name in state
        if (
            f".blocks.{int(number) - 1}." in name
            if number.isdecimal()
            else "patch_embed" in name or "pos_embed" in name
        )
    }


def stages_of(rows):
    return {row["stage"] for row in rows} - {"head"}


@pytest.mark.parametrize("strategy", [*ONE_PASS, "lora", "lp_ft"])
def test_its_folder_is_enough_to_score_it_again(tiny, graft, read, strategy):
    folder = fit(tiny, strategy, "test=true")
    assert graft("evaluate", f"run={folder}") == 0
    (again,) = (json.loads(path.read_text()) for path in (folder / "evaluations").iterdir())
    summary = read(folder, "summary.json")
    for name in ("test/accuracy", "test/auroc", "test/loss"):
        assert again[name] == pytest.approx(summary[name], abs=1e-5)


def test_the_stage_is_the_one_that_validated_best_and_the_rest_is_as_if_it_had_been_named(tiny, graft, read, weights):
    words = [*TRAINED, "strategy=surgical", "augmentation=flips", "optimizer.lr=0.01"]
    folder = tiny(*words, name="auto")
    found = read(folder, "stage_choice.json")
    chosen = max(found, key=found.get)
    assert list(found) == ["stem", *(f"block_{number}" for number in range(1, 7))]
    assert f"stage: {chosen}\n" in (folder / "config.yaml").read_text()
    named = tiny(*words, f"strategy.stage={chosen}", name="named")
    assert not (named / "stage_choice.json").exists()
    one, other = weights(folder), weights(named)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_stages_that_were_tried_before_a_stop_are_not_tried_again(tiny, graft, read, monkeypatch):
    """As after a kill among the trials."""
    words = [*TRAINED, "strategy=surgical"]
    folder = tiny(*words, name="auto")
    found = read(folder, "stage_choice.json")
    worst = min(found, key=found.get)
    config = (folder / "config.yaml").read_text()
    chosen = max(found, key=found.get)
    (folder / "config.yaml").write_text(config.replace(f"stage: {chosen}\n", "stage: auto\n"))
    shutil.rmtree(folder / "checkpoints")
    kept = {name: value for name, value in found.items() if name != worst} | {"stem": 2.0}
    (folder / "stage_choice.json").write_text(json.dumps(kept))
    assert graft("train", f"resume={folder}") == 0
    assert read(folder, "stage_choice.json") == {**kept, worst: found[worst]}
    assert "stage: stem\n" in (folder / "config.yaml").read_text()


def groups_of(folder):
    """The optimizer's parameter groups by name, as a run's last checkpoint has them."""
    path = folder / "checkpoints" / "last.ckpt"
    state = torch.load(path, map_location="cpu", weights_only=True)["optimizer_states"][0]
    return {group["name"]: group for group in state["param_groups"]}


def test_rates_fall_from_the_head_down_and_only_matrices_decay(tiny):
    own = ["optimizer.lr=0.01", "optimizer.weight_decay=0.2", "scheduler=constant", "strategy.phases.0.lr_decay=0.5"]
    groups = groups_of(fit(tiny, "discriminative", *own))
    names = ["stem", *(f"block_{number}" for number in range(1, 7)), "head"]
    for depth, stage in enumerate(reversed(names)):
        for kind, decay in (("decay", 0.2), ("no_decay", 0.0)):
            group = groups.pop(f"{stage}/{kind}")
            assert group["lr"] == pytest.approx(0.01 * 0.5**depth)
            assert group["weight_decay"] == decay
    assert not groups


def test_plateau_lowers_the_rates_of_the_phase(tiny):
    """Steps too small to change a validation score; the first look finds the best, each other one lowers all rates."""
    phases = (
        "strategy.phases=[{train: head, epochs: 2, lr_scale: 1.0, lr_decay: 1.0},"
        " {train: all, epochs: null, lr_scale: 0.5, lr_decay: 0.5}]"
    )
    own = ["scheduler=plateau", "scheduler.patience=0", "scheduler.factor=0.1", "optimizer.lr=1e-12", phases]
    folder = fit(tiny, "full_finetuning", *own, "trainer.max_epochs=5", "optimizer.weight_decay=0")
    looks = 5 - 1  # that found nothing better
    for depth, stage in enumerate(["head", *(f"block_{number}" for number in range(6, 0, -1)), "stem"]):
        rate = groups_of(folder)[f"{stage}/decay"]["lr"]
        assert rate == pytest.approx(1e-12 * 0.5 * 0.5**depth * 0.1**looks, rel=1e-6, abs=0)


def test_nothing_but_the_penalty_pulls_the_backbone(tiny):
    own = ["penalty=l2sp", "optimizer.weight_decay=0.2"]
    groups = groups_of(fit(tiny, "full_finetuning", *own))
    assert {name for name, group in groups.items() if group["weight_decay"]} == {"head/decay"}


def test_a_training_goes_on_from_the_head_that_was_solved_for(tiny, graft, weights, read):
    probe = fit(tiny, "linear_probe")
    assert graft("evaluate", f"run={probe}", "split=train") == 0
    scores = read(probe, f"evaluations/{next((probe / 'evaluations').iterdir()).name}")
    assert scores["train/accuracy"] > 0.9  # of two classes, from features of random weights
    tuned = fit(tiny, "lp_ft", "optimizer.lr=0")
    for name, value in weights(probe).items():
        assert torch.equal(value, weights(tuned)[name]), name


def test_a_phase_begins_however_early_the_one_before_has_learnt(tiny, read):
    rest = "lr_scale: 1.0, lr_decay: 1.0}"
    phases = f"strategy.phases=[{{train: head, epochs: 4, {rest}, {{train: all, epochs: null, {rest}]"
    folder = tiny(
        "trainer.max_epochs=9", "strategy=full_finetuning", phases, "optimizer.lr=0", "optimizer.weight_decay=0",
        "callbacks.early_stopping.patience=1", "test=false",
    )  # fmt: skip
    assert (
        read(folder, "summary.json")["epochs"] == 6
    )  # nothing gets better: one look to be the best, one to be patient


@pytest.mark.parametrize(("scheduler", "code"), [("constant", 0), ("plateau", 0), ("cosine", 2), ("step", 2)])
def test_a_training_without_a_last_epoch_has_no_schedule_that_needs_one(tiny, read, capsys, scheduler, code):
    own = ["trainer.max_epochs=-1", "callbacks.early_stopping.patience=1", "optimizer.lr=0", "test=false"]
    folder = tiny("strategy=full_finetuning", f"scheduler={scheduler}", *own, code=code)
    if code:
        assert "trainer.max_epochs" in capsys.readouterr().err
    else:
        assert read(folder, "summary.json")["epochs"] == 2


def test_an_adapter_is_saved_alone_and_merged(tiny, read):
    folder = fit(tiny, "lora", "strategy.adapter.rank=2")
    saved = load_file(folder / "adapter" / "adapter_model.safetensors")
    assert saved
    assert all("lora_" in name for name in saved)
    assert read(folder, "adapter/adapter_config.json")["r"] == 2


def test_a_run_with_an_adapter_is_a_backbone_for_the_next_run(tiny, weights):
    """What the second run starts from is the first one's network with the adapter merged into it."""
    first = fit(tiny, "lora", "optimizer.lr=0.05")
    second = fit(tiny, "feature_extraction", f"backbone.weights={first}")
    merged = load_file(first / "adapter" / "backbone.safetensors")
    start = weights(second)
    assert all(torch.equal(value, start[f"backbone.{name}"]) for name, value in merged.items())
    base = {name.replace(".base_layer", ""): value for name, value in weights(first).items() if "lora_" not in name}
    assert any(not torch.equal(value, base[f"backbone.{name}"]) for name, value in merged.items())


def test_weights_between_start_and_end_are_kept_with_what_they_were_chosen_by(tiny, read, weights):
    folder = tiny(
        *TRAINED,
        "strategy=lp_ft",
        "average=wise_ft",
        "callbacks.wise_ft.alphas=[0.5]",
        "optimizer.lr=0.01",
        name="wise",
    )
    start, end, kept = (weights(folder, name) for name in ("start", "trained", "best"))
    assert read(folder, "interpolation.json")["chosen"] == 0.5
    moved = [name for name, value in end.items() if value.is_floating_point() and not torch.equal(value, start[name])]
    assert moved
    for name in moved:
        assert torch.allclose(kept[name], (start[name] + end[name]) / 2, atol=1e-7)


def test_a_penalty_holds_the_backbone_back_and_is_logged(tiny, weights):
    words = [*TRAINED, "strategy=full_finetuning", "optimizer=sgd", "optimizer.lr=0.05", "penalty=l2sp"]
    start = weights(tiny(*TRAINED, "optimizer.lr=0", "optimizer.weight_decay=0", name="start"))
    distances = []
    for strength in (0.0, 1.0, 10.0):
        folder = tiny(*words, f"penalty.l2sp.strength={strength}", name=f"strength_{strength}")
        end = weights(folder)
        moved = [(value - start[name]).pow(2).sum() for name, value in end.items() if name.startswith("backbone.")]
        distances.append(float(torch.stack(moved).sum()))
        assert "train/penalty" in (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert distances[0] > 2 * distances[1] > 4 * distances[2] > 0


def test_what_is_trained_on_after_a_mean_was_taken_is_not_lost(tiny, graft, weights, read):
    """The second session's best weights are the new end, in the place of the first session's."""
    words = [
        "strategy=lp_ft",
        "average=wise_ft",
        "callbacks.wise_ft.alphas=[0.5]",
        LAST,
        "callbacks.early_stopping=null",
    ]
    folder = tiny(*words, "trainer.max_epochs=1", "optimizer.lr=0.01", "test=false", name="wise")
    start, first = weights(folder, "start"), weights(folder, "trained")
    assert graft("train", f"resume={folder}", "trainer.max_epochs=2") == 0
    second, kept = weights(folder, "trained"), weights(folder, "best")
    assert any(not torch.equal(value, second[name]) for name, value in first.items())
    for name, value in second.items():
        if value.is_floating_point():
            assert torch.allclose(kept[name], (start[name] + value) / 2, atol=1e-7)
    assert graft("train", f"resume={folder}") == 0  # nothing new: nothing changes
    again = weights(folder, "best")
    assert all(torch.equal(value, again[name]) for name, value in kept.items())


def test_an_adapter_that_the_network_goes_round_is_told(tiny, capsys, monkeypatch):
    """As in networks that take a layer's weights out of it, such as BEiT."""
    from timm.models.vision_transformer import Attention

    def around(self, x, *_, **__):
        batch, tokens, width = x.shape
        qkv = torch.nn.functional.linear(x, self.qkv.weight, self.qkv.bias)
        q, k, v = qkv.reshape(batch, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        attended = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(attended.transpose(1, 2).reshape(batch, tokens, width))

    monkeypatch.setattr(Attention, "forward", around)
    fit(tiny, "lora", code=2)
    told = " ".join(capsys.readouterr().err.split())
    assert "has no effect in 6 layers" in told
    assert "model.blocks.0.attn.qkv" in told


def test_a_penalty_without_anything_to_hold_back_is_refused(tiny, capsys):
    for strategy in ("linear_probe", "lora"):
        fit(tiny, strategy, "penalty=l2sp", code=2)
        assert "set penalty=none" in capsys.readouterr().err


def test_a_balanced_sampler_is_of_use_where_a_training_follows_the_start(tiny):
    fit(tiny, "lp_ft", "datamodule.sampler=balanced")


def test_a_mean_of_an_adapters_factors_is_refused(tiny, capsys):
    fit(tiny, "lora", "average=wise_ft", code=2)
    assert "a mean of weights" in capsys.readouterr().err


def test_a_solved_head_cannot_be_told_what_it_would_ignore(tiny, capsys):
    for override, said in (
        ("augmentation=flips", "augmentation=none"),
        ("datamodule.sampler=balanced", "task.class_weights=balanced"),
        ("task.head.hidden=[4]", "task.head.hidden=[]"),
        ("average=wise_ft", "strategy=lp_ft"),
        ("average=ema", "average=ema is of the weights along the epochs"),
        ("task/loss=focal", "take strategy=feature_extraction"),
        ("task.loss.label_smoothing=0.1", "or take strategy=feature_extraction"),
    ):
        fit(tiny, "linear_probe", override, f"hydra.run.dir=refused_{abs(hash(said))}", code=2)
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["strategy=layerwise", "strategy.k=99"], "strategy.k=99: the backbone has 7 stages: 0 to 7 are possible"),
        (["strategy=surgical", "strategy.stage=block_9"], "strategy.stage=block_9"),
        (["strategy=lora", "strategy.adapter.rank=0"], "strategy.adapter.rank"),
        (["strategy=lora", "strategy.adapter.dropout=1.0"], "strategy.adapter.dropout must lie in [0, 1)"),
        (["strategy=lora", "strategy.phases.0.parameters=all"], "it would never learn"),
        (["strategy=lora", "backbone.model=nf_resnet26"], "has no layer that can be adapted"),
        (["strategy=norm_only", "backbone.model=test_nfnet"], "stages have no norms"),
        (["strategy=surgical", "average=wise_ft"], "strategy=lp_ft"),
        (["strategy=full_finetuning", "trainer.strategy=deepspeed", "penalty=l2sp"], "penalty=none"),
        (["strategy=lora", "strategy.adapter.targets=qvk"], "strategy.adapter.targets=qvk matches no layer"),
        (["strategy=lp_ft", "average=wise_ft", "callbacks.wise_ft.alphas=[0,1.5]"], "callbacks.wise_ft.alphas"),
        (
            ["strategy=lp_ft", "trainer=ddp_sim", "trainer.strategy=ddp_spawn"],
            "Take trainer.strategy=ddp, whose processes",
        ),
        (["strategy=lp_ft", "trainer.strategy=deepspeed"], "shards the weights once"),
        (["trainer.strategy=fsdp"], "knows no stages"),
        (["trainer.strategy={_target_: pytorch_lightning.strategies.ModelParallelStrategy}"], "Take trainer=fsdp"),
        (["trainer=fsdp", "trainer.precision=16-mixed"], "Take trainer.precision=bf16-mixed"),
        (["strategy=full_finetuning", "strategy.phases.0.epochs=0"], "strategy.phases[0].epochs"),
        (["strategy=full_finetuning", "strategy.phases.0.epochs=100"], "take 100 epochs, trainer.max_epochs is 3"),
        (["strategy=gradual_unfreezing", "strategy.k=99"], "strategy.k=99: the backbone has 7 stages"),
        (
            ["strategy=gradual_unfreezing", "trainer.max_epochs=9", "+trainer.max_steps=6"],
            "counted in epochs: set trainer.max_epochs",
        ),
        (["strategy=full_finetuning", "average=wise_ft"], "strategy=lp_ft"),
        (["strategy=full_finetuning", "average=ema", "callbacks.ema.decay=1"], "callbacks.ema.decay"),
        (["strategy=full_finetuning", "task.loss.label_smoothing=-0.5"], "task.loss.label_smoothing"),
        (["strategy=full_finetuning", "scheduler=plateau", "scheduler.factor=1.0"], "scheduler.factor"),
        (["strategy=full_finetuning", "callbacks.best.monitor=val/foo"], "callbacks.best.monitor: 'val/foo'"),
        (["strategy=full_finetuning", "scheduler=plateau", "scheduler.monitor=val/fo"], "scheduler.monitor: 'val/fo'"),
        (["strategy=ia3", "strategy.adapter.feedforward='('"], "feedforward=( is no regular expression"),
        (["strategy=lora", "backbone.model=poolformer_s12"], "which layers make up its stages"),
        (
            ["strategy=full_finetuning", "strategy.phases.0.train=blok"],
            "matches no stage. The stages are: stem, block_1",
        ),
    ],
)
def test_a_strategy_that_cannot_be_is_refused_before_data_are_read(tiny, capsys, monkeypatch, words, said):
    monkeypatch.setattr("graft.data.datamodule.DataModule.setup", lambda *_: pytest.fail("data were read"))
    tiny("trainer.max_epochs=3", *words, code=2)
    assert said in " ".join(capsys.readouterr().err.split())
