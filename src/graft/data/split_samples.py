"""A table of samples, split: what the splits hold, whatever the samples are."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import default_collate

from graft.data.augmentation import Chain, OnBatches, Transform
from graft.data.folds import Fold, check_folds
from graft.data.known import Decoded, Known, afterwards, by_epoch, epochs_left
from graft.data.samples import AnySamples, Samples, as_is, plain
from graft.data.sampling import Draw
from graft.data.settings import at_least, one_of, share
from graft.data.splits import SPLITS, check_classes, count_classes, split_rows, take_limit, take_shots
from graft.data.table import BadFile, Kind, Named, Picked, Placed, Rows, Table, Targets
from graft.data.texts import exact_digests
from graft.errors import ConfigError

log = logging.getLogger(__name__)


class SplitSamples(LightningDataModule):
    """Splits a table of samples; a subclass says in `read` what the table is.

    Attributes:
        holds: the class of the samples, `Tensor` (an image) or `str`; None: not known before they are read.
        classes: names of the classes; empty before `setup`, like all that follow.
        splits: rows of the table by split: "train", "val", "test".
        skipped: files left out because they cannot be read.
    """

    holds: ClassVar[type | None] = None

    def __init__(
        self,
        *,
        name: str,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int | None,
        shots: int | None,
        limit: int | None,
        bad_files: str,
        split: Mapping[str, Any],
        preprocess: Callable[[bool], Transform],
        augment: Transform | None,
        seed: int,
        mix: tuple[OnBatches, ...] = (),
        sampler: str = "shuffled",
        kind: Kind = Kind.SINGLE_LABEL,
    ) -> None:
        """Takes `Settings`; reads nothing yet.

        Raises:
            ConfigError: a value is out of its range.
        """
        super().__init__()
        self.name = name
        self.batch_size = at_least(1, "batch_size", batch_size)
        self.eval_batch_size = at_least(1, "eval_batch_size", eval_batch_size)
        self.num_workers = None if num_workers is None else at_least(0, "num_workers", num_workers)
        self.shots = None if shots is None else at_least(1, "shots", shots)
        self.limit = None if limit is None else at_least(1, "limit", limit)
        self.bad_files = one_of(("error", "skip"), "bad_files", bad_files)
        self.split = split
        self.test_share, self.val_share = share("test", split["test"]), share("val", split["val"])
        self.split_seed = at_least(0, "split.seed", split["seed"])
        self.fold, self.val_fold = (Fold.parse(key, split.get(key)) for key in ("fold", "val_fold"))
        self.preprocess = preprocess
        self.augment = augment
        self.mix = mix
        self.sampler = one_of(("shuffled", "balanced"), "sampler", sampler)
        self.seed = seed
        self.kind = kind
        self.classes: list[str] = []
        self.splits: dict[str, Rows] = {}
        self.skipped: list[BadFile] = []
        self._known: Mapping[str, Sequence[Known]] = {}
        self._decoded: Mapping[str, Decoded] = {}
        self._prepared: Table | None = None  # gives network inputs, not canonical samples

    def look(self) -> None:
        """Tells what is wrong with the data as far as that is found at once; `read` tells it too.

        Raises:
            GraftError: names what is missing or broken.
        """

    @abstractmethod
    def read(self) -> Table:
        """Finds the samples and checks that they can be read.

        Raises:
            GraftError: names what is missing or broken.
        """

    def setup(self, stage: str | None = None) -> None:
        """Reads the table and splits it; does nothing the second time.

        Raises:
            GraftError: see `read`; or the samples do not suffice for splits, shots or a batch.
        """
        if self.splits:
            return
        self.table = self.read()
        if self.table.kind is not self.kind:
            raise ConfigError(
                f"datamodule={self.name} has targets of kind {self.table.kind}, the task takes {self.kind}."
            )
        self._check_samples()
        self.classes = self.table.classes
        self.skipped = self.table.skipped
        self.splits = self._make_splits(self.table)
        self._check_augmentation()
        if not self.varies and (prepare := getattr(self.preprocess(False), "prepare", None)) is not None:
            self._prepared = self._prepare(prepare)

    def _prepare(self, prepare: Callable[[Callable[[int], Any], int], Any]) -> Table:
        """Has inputs made of the rows in the splits only: a limit or few shots may leave out most of a large table."""
        used = np.sort(np.concatenate(list(self.splits.values())))
        inputs = prepare(Picked(self.table.load, used), len(used))
        lengths = np.zeros(len(self.table.ids), dtype=np.int64)
        lengths[used] = inputs.lengths
        return replace(self.table, load=Placed(inputs, used), lengths=lengths)

    def _check_samples(self) -> None:
        """A text network cannot look at pictures."""
        takes = getattr(self.preprocess(False), "takes", None)  # None: a transform of the user's own
        if takes is not None:
            self.check_taken(type(self.table.load(0)), takes)

    def check_taken(self, held: type | None, takes: type | None) -> None:
        """Compares what the samples are with what the backbone takes; None: not known.

        Raises:
            ConfigError: it takes others.
        """
        if held is None or takes is None or issubclass(held, takes):
            return
        holds, wants, choice = ("images", "texts", "resnet18") if takes is str else ("texts", "images", "minilm")
        raise ConfigError(
            f"datamodule={self.name} holds {holds}, but the backbone takes {wants}: choose another, e.g."
            f" backbone={choice}."
        )

    def _check_augmentation(self) -> None:
        """Torchvision's transforms let what is no image pass as it is, without a word."""
        if not self.varies or not isinstance(self.table.load(0), str):
            return
        entries = [*getattr(self.augment, "transforms", ()), *(each.mix for each in self.mix)]
        if any(type(entry).__module__.startswith("torchvision.") for entry in entries):
            raise ConfigError(f"augmentation is for images, but datamodule={self.name} holds texts: augmentation=none.")

    def _make_splits(self, table: Table) -> dict[str, Rows]:
        splits = split_rows(
            table.strata,
            test=self.test_share,
            val=self.val_share,
            seed=self.split_seed,
            groups=table.groups,
            given=table.given,
            fold=self.fold,
            val_fold=self.val_fold,
        )
        splits |= {name: splits[name][mask[splits[name]]] for name, mask in table.allowed.items()}
        seed, shots, limit = self.split_seed, self.shots, self.limit
        if self.sampler == "balanced" and table.kind is not Kind.SINGLE_LABEL:
            raise ConfigError(f"datamodule.sampler=balanced: targets of kind {table.kind} have no one class.")
        if table.kind is not Kind.REGRESSION:
            self._check_folds(table, splits)
            for said in check_classes(splits, table.targets, table.classes, table.given):
                log.warning("%s", said)
        if shots is not None:
            if table.kind is not Kind.SINGLE_LABEL:
                raise ConfigError(f"datamodule.shots={shots}: samples of kind {table.kind} have no one class to count.")
            splits["train"] = take_shots(splits["train"], table.targets, shots, seed, table.classes)
        if limit is not None:
            kinds = np.unique(table.strata, return_inverse=True)[1]
            labels = table.targets if table.kind is Kind.SINGLE_LABEL else kinds
            splits = {name: take_limit(rows, labels, limit, seed) for name, rows in splits.items()}
        return splits

    def _check_folds(self, table: Table, splits: Mapping[str, Rows]) -> None:
        """Looks at what the folds share out: rows that are for training or were held out of them."""
        for fold, shared in ((self.fold, SPLITS), (self.val_fold, ("train", "val"))):
            if fold is not None:
                rows = [splits[name] for name in shared if name == "train" or name not in table.given]
                counts = count_classes(table.targets[np.concatenate(rows)], len(table.classes))
                check_folds(fold, counts, table.classes)

    @property
    def varies(self) -> bool:
        """Whether training samples are other ones in each epoch."""
        return self.augment is not None or bool(self.mix)

    @property
    def lengths(self) -> NDArray[np.int64] | None:
        """How long each row of the table is, in `length_unit`; None where all are alike."""
        return (self._prepared or self.table).lengths

    @property
    def length_unit(self) -> str:
        """Tokens, where samples were cut into them beforehand; else characters."""
        return "characters" if self._prepared is None else "tokens"

    @property
    def longest(self) -> int | None:
        """How much of a sample the network sees, in `length_unit`; None where nothing is cut beforehand."""
        return None if self._prepared is None else getattr(self.preprocess(False), "max_length", None)

    def tokens(self, rows: Rows) -> NDArray[np.int64] | None:
        """Returns how many tokens the network sees of rows, (rows,); None where nothing was cut into tokens."""
        if self._prepared is None or self.lengths is None:
            return None
        seen = self.lengths[rows]
        return seen if self.longest is None else np.minimum(seen, self.longest)

    def class_counts(self, split: str) -> dict[str, int]:
        """Returns the number of samples of every class in a split, or with every label; of values there is none."""
        if self.table.kind is Kind.REGRESSION:
            return {}
        counts = count_classes(self.table.targets[self._rows(split)], len(self.classes)).tolist()
        return dict(zip(self.classes, counts, strict=True))

    def targets(self) -> Targets:
        """Returns what a task is to know of the targets."""
        targets, kind = self.table.targets[self._rows("train")], self.kind
        if kind is Kind.REGRESSION:
            values = targets.astype(np.float64)
            std = values.std(axis=0)
            std[std == 0] = 1  # of a constant, any scale will do
            return Targets(kind, self.classes, mean=values.mean(axis=0).tolist(), std=std.tolist())
        counts = count_classes(targets, len(self.classes))
        return Targets(kind, self.classes, balancing=(len(targets) / (len(counts) * np.maximum(counts, 1))).tolist())

    def sample_ids(self, split: str) -> Named:
        """Returns the samples' names, the same on every machine, in the order of `splits[split]`."""
        rows = self._rows(split)
        return Named(self.table.ids, rows, None if self.table.digests is None else self.table.digests[rows])

    def contents(self, rows: Rows) -> NDArray[np.uint64] | None:
        """Returns hashes of samples, (rows,), which are equal only where the samples are; None: not known."""
        if isinstance(self.table.load(0), str):
            return exact_digests(map(self.table.load, rows.tolist()))
        return None if self.table.digests is None else self.table.digests[rows]

    def use_features(self, known: Mapping[str, Sequence[Known]]) -> None:
        """From now on these splits yield "features" instead of "inputs", in the epochs that are said.

        Args:
            known: by split, one behind the other without overlap. Empty: back to inputs.

        Raises:
            ValueError: the numbers of rows differ.
        """
        for split, parts in known.items():
            for part in parts:
                if len(part.features) != (needed := part.views * len(self._rows(split))):
                    raise ValueError(f"{len(part.features)} rows of features for {needed} samples of {split}")
        self._known = known

    def epochs_of_inputs(self, split: str, epochs: int) -> int:
        """Returns in how many of so many epochs a split does not yield "features"."""
        return epochs_left(self._known.get(split, ()), epochs)

    def use_decoded(self, decoded: Mapping[str, Decoded]) -> None:
        """From now on the images of these splits are not decoded again: "train" in training, others as they are."""
        self._decoded = decoded

    def dataset(self, split: str, train: bool, fitting: bool = False) -> AnySamples:
        """Returns the samples of a split.

        Args:
            split: train, val or test.
            train: augmented and preprocessed as for training.
            fitting: in each epoch by the features that hold in it; else by those that hold when training is over.
        """
        decoded = self._decoded.get(split) if train == (split == "train") else None
        samples = self._samples(self._rows(split), train, decoded)
        known = self._known.get(split, ())
        return by_epoch(samples, known) if fitting else afterwards(samples, known)

    def _samples(self, rows: Rows, train: bool, decoded: Decoded | None = None) -> Samples:
        preprocess = self.preprocess(train)
        if self._prepared is not None:
            collate = getattr(preprocess, "collate", default_collate)
            return Samples(self._prepared, rows, as_is, seed=None, collate=collate)
        samples = plain(self.table, rows, preprocess)
        if decoded is not None:
            each = as_is if decoded.resized else samples.transform
            samples = replace(samples, table=replace(self.table, load=decoded.load), transform=each)
        if not train or not self.varies:
            return samples
        transform = samples.transform if self.augment is None else Chain((self.augment, samples.transform))
        return replace(samples, transform=transform, seed=self.seed, mix=self.mix)

    def example(self) -> Any:
        """Returns the inputs of a batch of two training samples as they are, made in this process."""
        rows = self._rows("train")[:2]
        return self._samples(rows, train=False).__getitems__([Draw(0, position) for position in range(len(rows))])[
            "inputs"
        ]

    def _rows(self, split: str) -> Rows:
        if split not in SPLITS:
            raise ConfigError(f"There is no split {split!r}: choose train, val or test.")
        return self.splits[split]
