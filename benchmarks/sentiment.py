"""Sentences of four domains from 5, 20, 100 and all examples a class: heads on frozen MiniLM beside TF-IDF and VADER.

    python benchmarks/sentiment.py                     everything, one run after the other
    python benchmarks/sentiment.py --shots 5 all --seeds 3

Each seed has a split of its own, and TF-IDF + logistic regression learns from the very sentences of the run, its C
chosen, like the run's best epoch, by the validation split. VADER's own F1 is of three classes and of all sentences of a
domain (Hutto & Gilbert, ICWSM 2014, table 4): to be printed beside, not to be compared to the point. Where the package
vaderSentiment is installed, its rules also judge the same test sentences, positive or negative by the sign.

Runs that are done are not repeated, so the script can be stopped and started again.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from graft.data.archives import source_archive
from graft.data.sentiment import read_sentences

DOMAINS = ("movies", "products", "editorials", "tweets")
PAPER = {"movies": 0.61, "products": 0.63, "editorials": 0.55, "tweets": 0.96}
HEADS = {"MiniLM, AdamW": "feature_extraction", "MiniLM, L-BFGS": "linear_probe"}
INVERSE_REGULARISATION = (0.1, 1.0, 10.0, 100.0)


def main():
    arguments = parse()
    for shots in arguments.shots:
        rows = [one(arguments.logs, shots, seed) for seed in range(arguments.seeds)]
        report(shots, rows)
    print("VADER's own F1, three classes: " + "  ".join(f"{name} {score:.2f}" for name, score in PAPER.items()))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", nargs="*", default=["5", "20", "100", "all"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/sentiment"))
    return parser.parse_args()


def one(logs, shots, seed):
    """Macro-F1 by method and domain, the mean of the domains' among them."""
    methods = {}
    for name, strategy in HEADS.items():
        folder = logs / f"{strategy}-{shots}-shots-{seed}"
        if not (folder / "summary.json").exists():
            train(folder, strategy, shots, seed)
        facets = json.loads((folder / "scores.json").read_text())["facets"]["domain"]
        methods[name] = {name: facets[name]["macro_f1"] for name in DOMAINS}
    methods["TF-IDF"] = tfidf(folder)
    if find_spec("vaderSentiment"):
        methods["VADER's rules"] = vader(folder)
    return {name: scores | {"mean": statistics.mean(scores.values())} for name, scores in methods.items()}


def train(folder, strategy, shots, seed):
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
    few = [] if shots == "all" else [f"datamodule.shots={shots}", f"datamodule.batch_size={min(32, 2 * int(shots))}"]
    command = [Path(sys.executable).with_name("graft"), "train", "experiment=sentiment", f"strategy={strategy}", *few]
    command += [f"seed={seed}", f"datamodule.split.seed={seed}", f"hydra.run.dir={folder}", "logger.wandb=null"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def tfidf(folder):
    texts, targets, domains = samples(folder)
    best = max((fitted(texts, targets, strength) for strength in INVERSE_REGULARISATION), key=lambda pair: pair[0])
    return by_domain(targets["test"], best[1].predict(texts["test"]), domains)


def fitted(texts, targets, strength):
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    model = make_pipeline(words, LogisticRegression(C=strength, max_iter=1000, class_weight="balanced"))
    model.fit(texts["train"], targets["train"])
    return f1_score(targets["val"], model.predict(texts["val"]), average="macro"), model


def vader(folder):
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    texts, targets, domains = samples(folder)
    analyzer = SentimentIntensityAnalyzer()
    return by_domain(
        targets["test"], [analyzer.polarity_scores(text)["compound"] > 0 for text in texts["test"]], domains
    )


def samples(folder):
    """Texts and targets of the run's own splits, and the domains of the test split."""
    archive = {
        "distribution": "vaderSentiment",
        "version": "3.3.2",
        "sha256": "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    }
    known = {sentence.id: sentence for sentence in read_sentences(source_archive(**archive).read_bytes())}
    texts, targets = {}, {}
    table = pq.read_table(folder / "splits.parquet").to_pylist()
    for split in ("train", "val", "test"):
        sentences = [known[row["id"]] for row in table if row["split"] == split]
        texts[split] = [sentence.text for sentence in sentences]
        targets[split] = np.array([sentence.rating > 0 for sentence in sentences])
    return texts, targets, np.array([sentence.domain for sentence in sentences])


def by_domain(targets, predicted, domains):
    predicted = np.asarray(predicted)
    rows = {name: domains == name for name in DOMAINS}
    return {name: f1_score(targets[mask], predicted[mask], average="macro") for name, mask in rows.items()}


def report(shots, rows):
    print(f"{shots} examples a class, {len(rows)} seeds, test macro-F1")
    for method in rows[0]:
        cells = []
        for name in (*DOMAINS, "mean"):
            values = [row[method][name] for row in rows]
            spread = statistics.stdev(values) if len(values) > 1 else float("nan")
            cells.append(f"{name} {statistics.mean(values):.3f} ± {spread:.3f}")
        print(f"    {method:<15}" + "  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
