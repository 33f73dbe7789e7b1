import pytest

from graft.strategies import Strategy
from graft.strategies.spans import Span, spans

LOOK = "+task.test_time_augmentation.mirrored={_target_: torch.flip, _partial_: true, dims: [-1]}"


@pytest.fixture
def computed(monkeypatch, tiny):
    """Trains the tiny task; returns the splits whose features stood for their samples, and the run folder."""
    import graft.precompute

    own, splits = graft.precompute.known_features, []

    def watch(*arguments):
        splits.extend(arguments[4])
        return own(*arguments)

    monkeypatch.setattr(graft.precompute, "known_features", watch)

    def train(*overrides):
        return splits, tiny("trainer.max_epochs=1", *overrides)

    return train


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        ([], ["train", "val", "test"]),
        (["test=false"], ["train", "val"]),
        (["augmentation=flips"], ["val", "test"]),  # each epoch sees other training images
        ([LOOK], ["train"]),  # validation and test look at each image in two ways
        (["strategy=full_finetuning"], []),
        (["strategy=layerwise"], []),
        (["cache.enabled=false"], []),
    ],
)
def test_features_stand_for_the_samples_that_stay_the_same(computed, overrides, wanted):
    splits, _ = computed(*overrides)
    assert splits == wanted


def test_the_average_over_looks_is_trained_and_evaluated_alike(computed, graft, read):
    _, folder = computed(LOOK)
    assert graft("evaluate", f"run={folder}") == 0
    again = read(folder, f"evaluations/{next((folder / 'evaluations').iterdir()).name}")
    assert again["test/loss"] == pytest.approx(read(folder, "summary.json")["test/loss"], abs=1e-6)


STAGES = ["stem", "block_1", "block_2", "block_3", "head"]


def scheduled(*trained):
    phases = [{"train": train, "epochs": epochs, "lr_scale": 1.0, "lr_decay": 1.0} for train, epochs in trained]
    return Strategy("s", phases, STAGES)


@pytest.mark.parametrize(
    ("trained", "wanted"),
    [
        ([("head", None)], [Span("block_3", 0, None)]),
        ([("all", None)], []),
        ([("last_1", None)], [Span("block_2", 0, None)]),
        ([("head", 2), ("last_1", 3), ("all", None)], [Span("block_3", 0, 2), Span("block_2", 2, 5)]),
        ([("head", 2), ("last_2", None)], [Span("block_3", 0, 2), Span("block_1", 2, None)]),
        ([("last_2", 2), ("head", None)], [Span("block_1", 0, None)]),  # what has learnt stays what it became
        ([("all", 2), ("head", None)], []),
        ([("block_1|head", None)], [Span("stem", 0, None)]),
        ([("stem|head", None)], []),
    ],
)
def test_a_stage_is_known_until_something_below_it_has_learnt(trained, wanted):
    assert spans(scheduled(*trained)) == wanted
