"""Sentences with human sentiment ratings, from the source archive of vaderSentiment 3.3.2.

Hutto & Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014. The
package is MIT; the texts are third parties' reviews, editorials and tweets: fetched, never redistributed.
"""

import html
from collections.abc import Sequence
from typing import NamedTuple, TypedDict, Unpack

import numpy as np

from graft.data.archives import member, source_archive
from graft.data.datamodule import DataModule
from graft.data.settings import Settings
from graft.data.table import Table
from graft.data.texts import Texts, digests, normalised
from graft.errors import ConfigError, did_you_mean

_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FILES = {
    "movies": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
    "tweets": "tweets",
}
"""The domains, by the names of their files."""


class Archive(TypedDict):
    """A release on the package registry."""

    distribution: str
    version: str
    sha256: str


class Sentence(NamedTuple):
    """A rated text.

    Attributes:
        id: `<domain>/<number>`, the same on every machine.
        domain: movies, products, editorials or tweets.
        document: what it is a sentence of; itself, where that is not known.
        rating: mean of at least 15 people's ratings, -4 (negative) … 4 (positive).
        text: as it was rated, HTML entities decoded.
    """

    id: str
    domain: str
    document: str
    rating: float
    text: str


class Sentiment(DataModule):
    """Is a sentence positive or negative? 23,703 texts of four domains, rated by people.

    Splits are stratified by label and domain; sentences of one document stay in one split; a text that occurs twice is
    taken once, and not at all where its copies are rated to different classes. All domains are split alike whichever
    are used, so that trainings on other domains are tested on the same sentences.
    """

    holds = str

    def __init__(
        self,
        *,
        archive: Archive,
        neutral: float,
        classes: int,
        train_domains: Sequence[str],
        test_domains: Sequence[str],
        **settings: Unpack[Settings],
    ) -> None:
        """Takes what to read as what, and `Settings`; reads nothing yet.

        Args:
            archive: the release whose source archive holds the texts.
            neutral: a text is neutral when the absolute value of its rating is below this, 0 … 4.
            classes: 2, without the neutral texts, or 3.
            train_domains: of the training and the validation split.
            test_domains: of the test split.
            **settings: see `Settings`.

        Raises:
            ConfigError: a value is out of its range.
        """
        super().__init__(**settings)
        for key, names in (("train_domains", train_domains), ("test_domains", test_domains)):
            if not names:
                raise ConfigError(f"datamodule.{key}=[]: name at least one of {', '.join(_FILES)}.")
        for name in (*train_domains, *test_domains):
            if name not in _FILES:
                raise ConfigError(
                    f"There is no domain {name}.{did_you_mean(name, _FILES)} Choose: {', '.join(_FILES)}."
                )
        self.archive = archive
        self.neutral = neutral
        self.names = ["negative", "positive"] if classes == 2 else ["negative", "neutral", "positive"]
        self.train_domains = list(train_domains)
        self.test_domains = list(test_domains)

    def read(self) -> Table:
        """Fetches the archive where it is not in the cache, and reads it without unpacking it.

        Raises:
            GraftError: see `graft.data.archives.source_archive`.
        """
        sentences = read_sentences(source_archive(**self.archive).read_bytes())
        labels = [self._label(sentence.rating) for sentence in sentences]
        kept = _once([sentence.text for sentence in sentences], labels)
        sentences = [sentences[row] for row in kept]
        targets = np.array([self.names.index(str(labels[row])) for row in kept], dtype=np.int64)
        domains = np.array([sentence.domain for sentence in sentences])
        texts = [sentence.text for sentence in sentences]
        train, test = np.isin(domains, self.train_domains), np.isin(domains, self.test_domains)
        return Table(
            ids=[sentence.id for sentence in sentences],
            classes=self.names,
            targets=targets,
            load=Texts(texts),
            strata=np.array([f"{target}/{domain}" for target, domain in zip(targets, domains, strict=True)]),
            groups=np.array([sentence.document for sentence in sentences]),
            lengths=np.array([len(text) for text in texts]),
            digests=digests(texts.__getitem__, len(texts)),
            facets={"domain": domains},
            allowed={"train": train, "val": train, "test": test},
        )

    def _label(self, rating: float) -> str | None:
        if abs(rating) < self.neutral or rating == 0:
            return "neutral" if "neutral" in self.names else None
        return "positive" if rating > 0 else "negative"


def read_sentences(archive: bytes) -> list[Sentence]:
    """Reads lines of an id, a rating and a text, tab-separated, of all domains.

    Args:
        archive: the bytes of the release's .tar.gz.
    """
    inner = member(archive, _INNER)
    sentences = []
    for domain, file in _FILES.items():
        lines = member(inner, f"hutto_ICWSM_2014/{file}_GroundTruth.txt").decode("utf-8").split("\r\n")
        if len(lines) < 100:  # this file ends its lines the other way
            lines = lines[0].split("\n")
        for line in filter(None, lines):
            number, rating, text = line.split("\t", 2)
            document = f"{domain}/{number.split('_')[0]}"  # products and editorials: document_sentence
            sentences.append(Sentence(f"{domain}/{number}", domain, document, float(rating), html.unescape(text)))
    return sentences


def _once(texts: Sequence[str], labels: Sequence[str | None]) -> list[int]:
    """The rows of labelled texts, each text once; none of a text with several labels."""
    seen: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        if labels[row] is not None:
            seen.setdefault(normalised(text), []).append(row)
    return sorted(rows[0] for rows in seen.values() if len({labels[row] for row in rows}) == 1)
