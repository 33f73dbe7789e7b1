"""Whether the best configuration is the best: seeds that lack, and the test against the runner-up."""

from collections.abc import Iterator, Sequence

from graft.comparing.grouping import Comparison, Configuration, held_out
from graft.comparing.statistics import Paired, Spread, paired
from graft.comparing.wording import seed_names, seeds_of
from graft.errors import many
from graft.reports.wording import decimals

_FEW_PAIRS = 5
_CHANCE = 0.05
_NAMED = 3  # configurations
_NAMED_SEEDS = 10


def incomplete(comparison: Comparison) -> str:
    """Says which ranked configurations lack seeds, and that they are not taken for the best; nothing where none do."""
    lacking = [each for each in comparison.ranked if each.missing]
    if not lacking:
        return ""
    named = _ranks(comparison, lacking)
    said = f"Seeds without a score may be the worse ones, so that these means may be too good: {named}."
    if len(lacking) == len(comparison.ranked):
        return f"{said} No configuration has all its seeds."
    first = comparison.ranked.index(comparison.rivals[0]) + 1
    return f"{said} {f'The best is rank {first}, with all its seeds' if first > 1 else 'None is taken for the best'}."


def verdict(comparison: Comparison) -> str:
    """Says whether the best configuration is better than the next by more than chance; nothing with less than two.

    Those that lack seeds are left out, unless all do, and those with few.
    """
    if len(comparison.ranked) < 2:
        return ""
    if len(comparison.rivals) < 2:
        return "Only one configuration has all its seeds, so that there is no runner-up to test it against."
    best, other = comparison.rivals[:2]
    first, second = ({one: each.scores[one] for one in comparison.common_seeds} for each in (best, other))
    found = paired(first, second, comparison.mode, held_out([best, other]))
    said = [_left_out(comparison), _chosen(comparison)]
    if found.spread is None:
        said.append(
            "Nothing can be paired, and whether their difference is more than chance is open. Run both with the same "
            "seeds, such as seed=0,1,2,3,4, and the same folds, if any."
        )
    else:
        said += _weighed(comparison, found, found.spread)
    return " ".join(part for part in said if part)


def _weighed(comparison: Comparison, found: Paired, over: Spread) -> Iterator[str]:
    yield _tested(found, over)
    if found.p is not None or over.n == 1:
        yield _listed(found) if over.n < _FEW_PAIRS else ""
        yield _few(over.n)
    if found.p is not None and found.shared is None:
        yield (
            "The splits of the pairs differ and have training samples in common; the configs do not say which share of "
            "the samples validates, so nothing makes up for that, and p is too small."
        )
    if found.p is not None and len(comparison.rivals) > 2:
        yield (
            f"Both were picked from {len(comparison.rivals):,} configurations by these very scores, which makes p look "
            "better than it is; new seeds would tell."
        )


def _left_out(comparison: Comparison) -> str:
    """Which configurations have too few seeds for the test."""
    least = min(len(each.scores) for each in comparison.rivals)
    few = [each for each in comparison.complete if len(each.scores) < least]
    if not few:
        return ""
    return (
        f"Left out here for few seeds: {_ranks(comparison, few)}; the other {len(comparison.rivals):,} have at least "
        f"{least}, and of these the best is {_ranks(comparison, comparison.rivals[:1])}."
    )


def _chosen(comparison: Comparison) -> str:
    """Over which seeds the two were chosen, where those of the rivals are not all the same."""
    if len({frozenset(each.scores) for each in comparison.rivals}) < 2:
        return ""
    shared, count = comparison.common_seeds, len(comparison.rivals)
    everyone = "both" if count == 2 else f"all {count:,}"
    best, other = (_ranks(comparison, [each]) for each in comparison.rivals[:2])
    if not shared:
        return (
            f"No seed is common to {everyone}, so that the number of seeds and then the rank chooses: the best is "
            f"{best}, the runner-up {other}."
        )
    names = f" ({', '.join(seed_names(shared))})" if len(shared) <= _NAMED_SEEDS else ""
    return (
        "Ranks go by the mean over the seeds that each configuration has, and these are not all the same: the best, "
        f"{best}, and the runner-up, {other}, lead by the mean over the {many(len(shared), 'seed')} that {everyone} "
        f"have{names}."
    )


def _ranks(comparison: Comparison, configurations: Sequence[Configuration]) -> str:
    """`rank 1 (3 of 5 seeds), rank 4 (1 seed) and 7 more`."""
    named = ", ".join(
        f"rank {comparison.ranked.index(each) + 1} ({seeds_of(each)} seed{'s' * (len(each.asked) > 1)})"
        for each in configurations[:_NAMED]
    )
    return named + (f" and {len(configurations) - _NAMED:,} more" if len(configurations) > _NAMED else "")


def _tested(found: Paired, over: Spread) -> str:
    places = decimals((over.deviation if found.p is not None else None) or abs(over.mean), leading=2)
    if over.n == 1:
        return f"The best and the runner-up share one seed; there, the difference is {over.mean:.{places}f}."
    if over.interval is None or found.p is None:
        return f"Over {over.n} shared seeds, the best differs from the runner-up by {over.mean:.{places}f} in each."
    low, high = over.interval
    beyond = (
        "more than chance between seeds would make likely"
        if found.p < _CHANCE
        else "chance between seeds could be all of it"
    )
    test = f"paired t-test{_corrected(found)}, p = {_probability(found.p)}"
    return (
        f"Over {over.n} shared seeds, the best is better than the runner-up by {over.mean:.{places}f} on average (95 % "
        f"interval {low:.{places}f} to {high:.{places}f}; {test}): {beyond}."
    )


def _corrected(found: Paired) -> str:
    return ", corrected for the training samples that the splits share (Nadeau and Bengio 2003)" if found.shared else ""


def _listed(found: Paired) -> str:
    names = seed_names(list(found.differences))
    places = decimals(max(map(abs, found.differences.values())))
    differences = found.differences.values()
    return (
        "By seed: "
        + ", ".join(f"{name}: {value:+.{places}f}" for name, value in zip(names, differences, strict=True))
        + "."
    )


def _few(pairs: int) -> str:
    if pairs == 1:
        return "One pair cannot be told from chance: run both with more seeds, such as seed=0,1,2,3,4."
    return "That is few pairs: another one can change what is said here." if pairs < _FEW_PAIRS else ""


def _probability(p: float) -> str:
    return f"{p:.2g}" if p >= 1e-4 else "less than 0.0001"
