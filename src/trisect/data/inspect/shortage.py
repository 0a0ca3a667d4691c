"""Too few steps: columns that rarely have one of their values, and rare differences between columns.

Fewer than `trisect.refusals.FEWEST` steps are an error, by the rule that training follows as well; fewer than
`FEW` are a warning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trisect.data.inspect.determined import FEW
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.structure import Structure
from trisect.data.inspect.wording import listed
from trisect.refusals import FEWEST, Shortage
from trisect.refusals import shortages as too_few


def shortages(structure: Structure) -> list[Finding]:
    """Errors about counts below `FEWEST`, one per variable, then warnings about counts below `FEW`, one per kind.

    A variable with an intervention in every step, or in none, has findings of its own and is left out.
    """
    varying = structure.named(structure.varying)
    errors = [_error(each) for each in too_few(structure.table.rows, structure.names) if each.variable in varying]
    return [*errors, *_few_values(structure), *_seldom_differing(structure), *_nearly_determined(structure)]


def _error(shortage: Shortage) -> Finding:
    code = "too-few-interventions" if shortage.is_of_interventions else "too-few-steps-without"
    what = f"{shortage.what} are fewer than {FEWEST}"
    evidence = f"{shortage.count} of {shortage.num_steps} steps"
    so = f"no method can identify {shortage.variable}"
    return Finding("error", code, what, evidence, so, shortage.advice, (shortage.variable,))


def _few_values(structure: Structure) -> list[Finding]:
    ones = structure.table.ones[structure.varying]
    return [
        *_warning(structure, "few-interventions", "few steps intervene on", ones),
        *_warning(structure, "few-steps-without", "few steps do not intervene on", structure.num_rows - ones),
    ]


def _warning(structure: Structure, code: str, what: str, counts: np.ndarray) -> list[Finding]:
    order = [place for place in np.argsort(counts, kind="stable") if FEWEST <= counts[place] < FEW]
    if not order:
        return []
    names = structure.named([structure.varying[place] for place in order])
    evidence = f"steps out of {structure.num_rows}: " + listed(
        [f"{name} {counts[place]}" for name, place in zip(names, order)]
    )
    which, them = ("this variable", "it") if len(names) == 1 else ("these variables", "them")
    so = f"the model can hardly learn what an intervention on {which} does, nor which latents belong to {them}"
    todo = f"record more such steps, at least {FEW} for each variable"
    return [Finding("warning", code, f"{what} {listed(names)}", evidence, so, todo, names)]


def _seldom_differing(structure: Structure) -> list[Finding]:
    ones, total = structure.table.ones[structure.varying], structure.num_rows
    both = structure.table.pair_counts()[np.ix_(structure.varying, structure.varying)]
    apart = ones[:, None] + ones[None] - 2 * both
    expected = (ones[:, None] * (total - ones[None]) + ones[None] * (total - ones[:, None])) / max(total, 1)
    return [
        *_pair_warning(structure, "seldom-apart", apart, expected, "one of the two without the other"),
        *_pair_warning(structure, "seldom-alike", total - apart, total - expected, "both or neither of the two"),
    ]


def _pair_warning(
    structure: Structure, code: str, counts: np.ndarray, expected: np.ndarray, of_what: str
) -> list[Finding]:
    """A warning about the pairs with few such rows, except where this is to be expected because a column is rare."""
    ones = structure.table.ones[structure.varying]
    long = (ones >= FEW) & (structure.num_rows - ones >= FEW)
    few = (counts < FEW) & ((long[:, None] & long[None]) | (counts < expected / 2))
    alike = {frozenset(pair) for each in structure.alike for pair in _pairs(each.members)}
    counted = [
        (int(counts[i, j]), structure.named([structure.varying[i], structure.varying[j]]))
        for i, j in np.argwhere(np.triu(few, 1)).tolist()
        if frozenset([structure.varying[i], structure.varying[j]]) not in alike
    ]
    if not counted:
        return []
    counted.sort(key=lambda each: each[0])
    pairs = [" and ".join(names) for _, names in counted]
    return [
        Finding(
            "warning",
            code,
            f"for some pairs of variables few of {structure.num_rows} steps intervene on {of_what}: {listed(pairs)}",
            listed([f"{pair} {count}" for (count, _), pair in zip(counted, pairs)]),
            "the model can hardly separate the two variables",
            f"record more steps that intervene on {of_what}, at least {FEW} for each pair",
            tuple(dict.fromkeys(name for _, names in counted for name in names)),
        )
    ]


def _pairs(members: Sequence[int]) -> list[tuple[int, int]]:
    return [(first, second) for first in members for second in members if first != second]


def _nearly_determined(structure: Structure) -> list[Finding]:
    relations = structure.nearly_determined
    if not relations:
        return []
    texts = [
        f"{structure.names[each.column]} from {', '.join(structure.named(each.sources))}: {each.exceptions}"
        for each in relations
    ]
    variables = structure.named(sorted({column for each in relations for column in each.members}))
    determined = list(dict.fromkeys(structure.named([each.column for each in relations])))
    return [
        Finding(
            "warning",
            "nearly-determined",
            f"the targets of {listed(determined)} nearly follow from those of other variables",
            f"exceptions in {structure.num_rows} steps: {listed(texts)}",
            "the model can hardly separate these variables",
            f"record more steps that break the rule, at least {FEW}",
            variables,
        )
    ]
