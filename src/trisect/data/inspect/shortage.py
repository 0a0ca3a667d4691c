"""Too few steps: columns hardly seen in one of their values, pairs and rules hardly ever told apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trisect.data.inspect.determined import FEW
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.structure import Structure
from trisect.data.inspect.wording import listed

RECORD_MORE = f"record more, so that there are at least {FEW}"


def shortages(structure: Structure) -> list[Finding]:
    """Warnings about counts below `FEW`, one for each kind of count, the smallest counts first."""
    return [*_few_values(structure), *_seldom_differing(structure), *_nearly_determined(structure)]


def _few_values(structure: Structure) -> list[Finding]:
    ones = structure.table.ones[structure.varying]
    return [
        *_warning(structure, "few-interventions", "few steps with an intervention on", ones),
        *_warning(structure, "few-steps-without", "few steps without an intervention on", structure.num_rows - ones),
    ]


def _warning(structure: Structure, code: str, what: str, counts: np.ndarray) -> list[Finding]:
    order = [place for place in np.argsort(counts, kind="stable") if counts[place] < FEW]
    if not order:
        return []
    names = structure.named([structure.varying[place] for place in order])
    evidence = f"of {structure.num_rows} steps: " + listed(
        [f"{name} {counts[place]}" for name, place in zip(names, order)]
    )
    consequence = "what these variables do under intervention, and which latents are theirs, can hardly be learned"
    return [Finding("warning", code, f"{what} {listed(names)}", evidence, consequence, f"{RECORD_MORE} of each", names)]


def _seldom_differing(structure: Structure) -> list[Finding]:
    ones, total = structure.table.ones[structure.varying], structure.num_rows
    both = structure.table.pair_counts()[np.ix_(structure.varying, structure.varying)]
    apart = ones[:, None] + ones[None] - 2 * both
    expected = (ones[:, None] * (total - ones[None]) + ones[None] * (total - ones[:, None])) / max(total, 1)
    return [
        *_pair_warning(structure, "seldom-apart", apart, expected, "one of them without the other"),
        *_pair_warning(structure, "seldom-alike", total - apart, total - expected, "both or neither of them"),
    ]


def _pair_warning(
    structure: Structure, code: str, counts: np.ndarray, expected: np.ndarray, of_what: str
) -> list[Finding]:
    """A warning of the pairs with few such rows, unless a column is rare and so few are no surprise."""
    ones = structure.table.ones[structure.varying]
    long = (ones >= FEW) & (structure.num_rows - ones >= FEW)
    few = (counts < FEW) & ((long[:, None] & long[None]) | (counts < expected / 2))
    alike = {frozenset(pair) for each in structure.alike for pair in _pairs(each.members)}
    found = [
        (int(counts[i, j]), structure.named([structure.varying[i], structure.varying[j]]))
        for i, j in np.argwhere(np.triu(few, 1)).tolist()
        if frozenset([structure.varying[i], structure.varying[j]]) not in alike
    ]
    if not found:
        return []
    found.sort(key=lambda each: each[0])
    pairs = [" and ".join(names) for _, names in found]
    return [
        Finding(
            "warning",
            code,
            f"few of {structure.num_rows} steps intervene on {of_what}: {listed(pairs)}",
            listed([f"{pair} {count}" for (count, _), pair in zip(found, pairs)]),
            "the two variables can hardly be told apart",
            f"{RECORD_MORE} steps with {of_what}",
            tuple(dict.fromkeys(name for _, names in found for name in names)),
        )
    ]


def _pairs(members: Sequence[int]) -> list[tuple[int, int]]:
    return [(first, second) for first in members for second in members if first != second]


def _nearly_determined(structure: Structure) -> list[Finding]:
    found = structure.nearly_determined
    if not found:
        return []
    texts = [
        f"{structure.names[each.column]} from {', '.join(structure.named(each.sources))}: {each.exceptions}"
        for each in found
    ]
    variables = structure.named(sorted({column for each in found for column in each.members}))
    return [
        Finding(
            "warning",
            "nearly-determined",
            f"whether a step intervenes on {listed(list(dict.fromkeys(structure.named([e.column for e in found]))))} "
            "nearly follows from interventions on others",
            f"exceptions in {structure.num_rows} steps: {listed(texts)}",
            "these variables can hardly be told apart",
            f"record more steps that break the rule, so that there are at least {FEW}",
            variables,
        )
    ]
