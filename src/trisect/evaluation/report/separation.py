"""What slots predict that does not belong in them, in words: the worst for the headline, the others below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.report.verdicts import (
    Leak,
    better_elsewhere,
    called,
    dependent,
    elsewhere,
    interventions_elsewhere,
    leaks,
)
from trisect.evaluation.suite import Evaluation

IN_HEADLINE, NAMED = 2, 3
"""Leaks that the headline and another sentence name; the rest are counted."""


class Wrong(NamedTuple):
    """A slot, and a clause on what it predicts and should not."""

    slot: str
    clause: str


class Separation(NamedTuple):
    """What the slots of variables predict and should not, and what the noise slot does; the worst first.

    Attributes:
        slots, noise: slots with clauses.
        num_variables: number of variables with a slot.
    """

    slots: tuple[Wrong, ...]
    noise: tuple[Wrong, ...]
    num_variables: int

    def clauses(self) -> str:
        """For the headline: how many slots are not separated, the worst of them, and the worst of the noise slot."""
        parts = [self._of_slots()] if self.slots else []
        parts += [self.noise[0].clause] if self.noise else []
        return ", and ".join(parts)

    def others(self) -> Iterator[str]:
        """A sentence on what the headline does not name."""
        left = [*self.slots[IN_HEADLINE:], *self.noise[1:]]
        if left:
            more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
            yield f"There is more leakage: {'; '.join(each.clause for each in left[:NAMED])}{more}."

    def _of_slots(self) -> str:
        named = ", ".join(wrong.clause for wrong in self.slots[:IN_HEADLINE])
        number, count = len({wrong.slot for wrong in self.slots}), self.num_variables
        if count == 1:
            return named
        if number == count:
            return f"no slot is separated from the others: {named}"
        return f"{number} of the {count} slots {'is' if number == 1 else 'are'} not separated: {named}"


def separation(evaluation: Evaluation) -> Separation:
    """What the slots predict and should not: by true values, and then by interventions, each pair once."""
    found = [*_by_truth(evaluation), *_by_interventions(evaluation)]
    noise = evaluation.slots.names[-1]
    return Separation(
        tuple(wrong for wrong in found if wrong.slot != noise),
        tuple(wrong for wrong in found if wrong.slot == noise),
        len(evaluation.slots.variables),
    )


def explained(evaluation: Evaluation) -> Iterator[str]:
    """A sentence on what slots predict of other variables only because these depend on their own."""
    related = sorted(dependent(evaluation), key=lambda leak: -leak.r2)
    if related:
        owned = _owned(evaluation)
        named = ", ".join(_explained(leak, owned) for leak in related[:NAMED])
        named += f", and {len(related) - NAMED} more" if len(related) > NAMED else ""
        yield (
            "Some variables depend on each other in the scored samples: the true value of one predicts another, and so "
            f"do the slots, without leakage: {named}. Independent test samples (split test_indep) would tell more."
        )


def _explained(leak: Leak, owned: Mapping[str, str]) -> str:
    beyond = f"{leak.size:.2f} goes beyond what {owned[leak.slot]}"
    return f"{leak.variable} in slot {leak.slot} (R2 {leak.r2:.2f}, of which {beyond})"


def _by_truth(evaluation: Evaluation) -> Iterator[Wrong]:
    if evaluation.headline is None:
        return
    matrix, better = evaluation.headline.r2, better_elsewhere(evaluation)
    for leak in leaks(evaluation):
        yield Wrong(leak.slot, elsewhere(matrix, leak) if leak in better else _plain(leak, _owned(evaluation)))


def _plain(leak: Leak, owned: Mapping[str, str]) -> str:
    in_part = leak.beyond is not None and f"{leak.beyond:.2f}" != f"{leak.r2:.2f}"
    beyond = f", {leak.beyond:.2f} of it beyond what {owned[leak.slot]}" if in_part else ""
    return f"{called(tuple(owned), leak.slot)} also predicts {leak.variable} (R2 {leak.r2:.2f}{beyond})"


def _owned(evaluation: Evaluation) -> dict[str, str]:
    """Slot -> what its true content predicts, in words."""
    *variables, noise = evaluation.slots.names
    measured = evaluation.dependence
    older = ", or older frames," if measured is not None and measured.has_older else ""
    words = {name: f"the true {name} predicts" for name in variables}
    return {**words, noise: f"variables without interventions{older} predict"}


def _by_interventions(evaluation: Evaluation) -> Iterator[Wrong]:
    matrix = evaluation.label_free
    if matrix is None:
        return
    known = {(leak.slot, leak.variable) for leak in leaks(evaluation)}
    for slot, name in matrix.leaks():
        if (slot, name) not in known:
            yield Wrong(slot, _interventions(matrix, slot, name))


def _interventions(matrix: InterventionMatrix, slot: str, name: str) -> str:
    if (slot, name) in matrix.elsewhere():
        return interventions_elsewhere(matrix, slot, name)
    at = matrix.place(slot, name)
    scores = f"AUROC {matrix.matrix[at]:.2f}; the past alone {matrix.past[at]:.2f}"
    return f"{called(matrix.rows, slot)} also predicts the interventions on {name} ({scores})"
