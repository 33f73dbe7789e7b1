"""On the real texts: fetched once into the user's cache."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from graft.data.sentiment import Sentiment
from graft.data.texts import normalised
from graft.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
ALL = ["movies", "products", "editorials", "tweets"]


def characters(train: bool) -> Callable[[str], torch.Tensor]:
    return lambda text: torch.tensor([len(text)])


@pytest.fixture(autouse=True)
def users_cache(cache: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XDG_CACHE_HOME")


@pytest.fixture
def make(settings: dict[str, Any]) -> Callable[..., Sentiment]:
    archive = yaml.safe_load((CONFIGS / "datamodule" / "sentiment.yaml").read_text())["archive"]
    own = {"archive": archive, "neutral": 0.5, "classes": 2, "train_domains": ALL, "test_domains": ALL}

    def make(**changes: Any) -> Sentiment:
        datamodule = Sentiment(**(settings | {"preprocess": characters} | own | changes))
        datamodule.setup()
        return datamodule

    return make


def test_the_published_counts_without_copies(make: Callable[..., Sentiment]):
    datamodule = make()
    domains = datamodule.table.facets["domain"]
    counts = Counter(zip(domains.tolist(), datamodule.table.targets.tolist(), strict=True))
    published = {"movies": (5076, 4996), "products": (1235, 1750), "editorials": (1783, 1187), "tweets": (1087, 2345)}
    for domain, pair in published.items():
        for label, count in enumerate(pair):
            assert count - 50 <= counts[domain, label] <= count
    texts = [normalised(datamodule.table.load(row)) for row in range(len(domains))]
    assert len(set(texts)) == len(texts)


def test_no_document_lies_in_two_splits(make: Callable[..., Sentiment]):
    datamodule = make()
    documents = [set(datamodule.table.groups[rows]) for rows in datamodule.splits.values()]
    assert documents[0].isdisjoint(documents[1] | documents[2])
    assert documents[1].isdisjoint(documents[2])
    assert any(len(rows) > len(found) for rows, found in zip(datamodule.splits.values(), documents, strict=True))


def test_other_domains_are_tested_on_the_same_sentences(make: Callable[..., Sentiment]):
    whole, moved = make(), make(train_domains=["movies"], test_domains=["tweets"])

    def ids(datamodule: Sentiment, split: str, domain: str) -> set[str]:
        return {
            datamodule.table.ids[row]
            for row in datamodule.splits[split]
            if datamodule.table.facets["domain"][row] == domain
        }

    assert ids(moved, "test", "tweets") == ids(whole, "test", "tweets")
    assert ids(moved, "train", "movies") == ids(whole, "train", "movies")
    assert len(moved.splits["test"]) == len(ids(moved, "test", "tweets"))
    assert len(moved.splits["train"]) == len(ids(moved, "train", "movies"))


def test_three_classes_and_a_wider_band(make: Callable[..., Sentiment]):
    datamodule = make(classes=3, neutral=1.0)
    assert datamodule.classes == ["negative", "neutral", "positive"]
    counts = np.bincount(datamodule.table.targets)
    assert abs(counts[1] - (1432 + 1253 + 3636 + 1533)) < 150


def test_an_unknown_domain_is_told_with_the_nearest(make: Callable[..., Sentiment]):
    with pytest.raises(ConfigError, match=r"no domain movie\. Did you mean 'movies'"):
        make(train_domains=["movie"])


@pytest.mark.parametrize("key", ["train_domains", "test_domains"])
def test_no_domain_at_all_is_told(make: Callable[..., Sentiment], key: str):
    with pytest.raises(ConfigError, match=rf"^datamodule\.{key}=\[\]: name at least one of movies, products"):
        make(**{key: []})


def test_html_entities_are_decoded(make: Callable[..., Sentiment]):
    table = make().table
    texts = [table.load(row) for row in range(len(table.ids))]
    assert sum("&" in text for text in texts) > 100
    assert sum("&amp;" in text for text in texts) < 10  # some were encoded twice and stay as their authors left them
    assert sum("&quot;" in text for text in texts) == 0
