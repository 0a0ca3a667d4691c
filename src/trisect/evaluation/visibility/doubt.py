"""Statements of the closed form, checked by held-out interventions: does the slot show what all latents show?

The closed form measures how certain a direction is. It cannot see that one direction is too little, as where the code
of a variable turns with other variables. Then all latents together show its interventions clearly better than its slot
(`trisect.evaluation.visibility.verdict`), and a statement that it is found would say too much. A code that is folded
once, so that two values of the variable look the same in the slot, still shows nearly all interventions and is not
noticed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trisect.data.recording import Recording
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import transitions_of
from trisect.evaluation.visibility.read_outs import LATENTS, PAST, SLOT, Visibility, visibility
from trisect.evaluation.visibility.verdict import FEWEST, slot_misses_much
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, Statement
from trisect.names import NOISE


def checked_statements(
    identified: Identification, train: Recording, held_out: Recording, targeted: tuple[str, ...]
) -> tuple[Statement, ...]:
    """The statements, of which none says "found" of a slot that shows clearly less than all latents.

    Args:
        identified: the closed form.
        train: the latents that it was computed on; the probes learn from them.
        held_out: other latents; the probes are scored on them.
        targeted: names of the targeted variables.
    """
    slots = Slots(identified.assignment(), (*targeted, NOISE))
    pairs = [transitions_of(identified.transform(each.observations), each, targeted) for each in (train, held_out)]
    if min(len(each) for each in pairs) < 2:
        return identified.statements
    seen = visibility(pairs[0], pairs[1], slots, np.random.default_rng(0))
    return tuple(_checked(statement, seen) for statement in identified.statements)


def _checked(statement: Statement, seen: Visibility) -> Statement:
    name = statement.variable
    if statement.verdict != FOUND or seen.count(name) < FEWEST or not slot_misses_much(seen, name):
        return statement
    whole, own = seen.score(LATENTS, name), seen.score(SLOT, name)
    kept = max(0.0, seen.difference(SLOT, PAST, name).value / seen.difference(LATENTS, PAST, name).value)
    reason = (
        f"all latents together show its interventions better than its slot (AUROC {whole.auroc:.2f} and "
        f"{own.auroc:.2f}): its code takes more directions, or turns with other variables"
    )
    expected = kept * statement.expected_r2
    return replace(statement, verdict=CANNOT_TELL, expected_r2=expected, low=0.0, reason=reason)
