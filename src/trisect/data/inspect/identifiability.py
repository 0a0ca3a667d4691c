"""Identifiability: what the intervention targets of a data set allow to tell apart, before any training.

| level | code | what |
|---|---|---|
| error | no-interventions | there is none at all; nothing else is said then |
| error | always-intervened | columns without a step that leaves the variable alone |
| error | equal-targets | columns the same in every step, one finding per group |
| error | complementary-targets | columns that are the negation of others, one finding per group |
| error | one-of-each | exactly one of three or more columns in every step, one finding per group |
| error | determined-targets | columns that are other functions of others, one finding per connected group |
| warning | few-interventions, few-steps-without | columns with one value in fewer than 20 steps |
| warning | seldom-apart, seldom-alike | pairs that differ, or agree, in fewer than 20 steps |
| warning | nearly-determined | columns that are a function of others but for fewer than 20 steps |
| warning | held-targets | columns that repeat the step before |
| note | never-intervened | columns without an intervention |
| note | dependent-targets | pairs of columns that are dependent |
| note | target-patterns | the number of distinct rows, against floor(log2 K) + 2 |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trisect.data import sequences
from trisect.data.inspect.dependence import dependence, held, lag_correlation
from trisect.data.inspect.determined import Relation
from trisect.data.inspect.findings import Finding, by_level
from trisect.data.inspect.shortage import shortages
from trisect.data.inspect.structure import Structure, components
from trisect.data.inspect.wording import listed, rule

NAMED = 12
INSEPARABLE = ("equal-targets", "complementary-targets", "one-of-each", "determined-targets")
"""Codes of findings that name a group of variables which the targets cannot tell apart."""
NO_SCORES = "their latents cannot be separated, and scores that tell them apart mean nothing"
MORE = "record steps that break this (trisect.data.inspect.suggestions.suggest lists the fewest)"


def identifiability(targets: np.ndarray, names: Sequence[str], starts: np.ndarray | None = None) -> list[Finding]:
    """What can be told from the targets about which variables can be identified.

    A variable can be identified from known interventions if its column is neither constant nor a function of the
    other columns (Lippe et al., ICML 2022), and in practice only if enough steps show the difference.

    Args:
        targets: (N, K) bool or 0/1, one row per transition; the first rows of episodes, which mean nothing, left out
            (see `transitions`).
        names: K names.
        starts: rows where episodes start, counted in transitions, ascending from 0; one episode if None.

    Returns:
        Errors first, then warnings, then notes, with the codes listed above.

    Raises:
        ValueError: the targets are not 0/1 or not (N, K), the names not K different ones, the starts no starts.

    Example:
        >>> targets = np.random.default_rng(0).random((200, 2)) < 0.3
        >>> [finding.code for finding in identifiability(targets[:, [0, 1, 1]], ["ball", "lamp", "shade"])]
        ['equal-targets', 'target-patterns']
    """
    structure = Structure.of(targets, names)
    borders = np.zeros(1, np.int64) if starts is None else sequences.check_episode_starts(starts, structure.num_rows)
    if len(structure.never) == len(structure.names):
        return [_no_interventions(structure)]
    lag, chance = lag_correlation(structure.table.rows, borders)
    found = [
        *_constant(structure),
        *_alike(structure),
        *(_one_of_each(structure, each) for each in structure.one_of_each),
        *_determined(structure),
        *shortages(structure),
        *held(structure, lag, chance),
        *dependence(structure, lag),
        _pattern_count(structure),
    ]
    return by_level(found)


def inseparable(targets: np.ndarray, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of variables that the targets cannot tell apart, each in the order of the columns.

    Variables belong together if their columns are equal, opposite, or one is a function of the others, by evidence;
    constant columns belong to no group.

    Args:
        targets: (N, K) bool or 0/1, as for `identifiability`.
        names: K names.

    Raises:
        ValueError: as there.
    """
    structure = Structure.of(targets, names)
    return [structure.named(group) for group in structure.inseparable]


def transitions(targets: np.ndarray, episode_starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a recording's targets that mean something, and where episodes start among them.

    Args:
        targets: (T, K), row t made frame t.
        episode_starts: (episodes,) rows, ascending from 0; an episode of one frame has no transition.

    Returns:
        (T - episodes, K) targets, and the rows of the first transition of every episode that has one.

    Example:
        >>> rows, starts = transitions(np.arange(7)[:, None], np.array([0, 3, 4]))
        >>> rows[:, 0].tolist(), starts.tolist()
        ([1, 2, 5, 6], [0, 2])
    """
    lengths = sequences.episode_lengths(episode_starts, len(targets)) - 1
    starts = np.cumsum(lengths) - lengths
    return np.delete(targets, episode_starts, axis=0), starts[lengths > 0]


def _no_interventions(structure: Structure) -> Finding:
    what, evidence = "no variable is ever intervened on", f"0 interventions in {structure.num_rows} steps"
    advice = "record steps with interventions, or check that the targets were read from the right array"
    return Finding("error", "no-interventions", what, evidence, "nothing can be identified", advice, structure.names)


def _constant(structure: Structure) -> list[Finding]:
    always, never = structure.named(structure.always), structure.named(structure.never)
    steps, found = f"in {structure.num_rows} of {structure.num_rows} steps", []
    if always:
        what = f"always intervened on: {listed(always)}"
        consequence = "its mechanism without intervention is never seen, and its targets tell nothing"
        advice = "record steps without it"
        found.append(Finding("error", "always-intervened", what, steps, consequence, advice, always))
    if never:
        what, evidence = f"never intervened on: {listed(never)}", f"0 interventions in {structure.num_rows} steps"
        belongs, are, them = ("it belongs", "is", "it") if len(never) == 1 else ("they belong", "are", "them")
        consequence = f"{belongs} to the noise slot and {are} not identifiable from interventions"
        advice = f"record interventions on {them} to identify {them}"
        found.append(Finding("note", "never-intervened", what, evidence, consequence, advice, never))
    return found


def _alike(structure: Structure) -> list[Finding]:
    found = []
    for each in structure.alike:
        for side in (each.equal, each.opposite):
            if len(side) > 1:
                found.append(_equal(structure, side))
        if each.opposite:
            found.append(_complementary(structure, each.equal, each.opposite))
    return found


def _equal(structure: Structure, columns: Sequence[int]) -> Finding:
    names = structure.named(columns)
    what = f"inseparable, always intervened on together: {', '.join(names)}"
    evidence = f"{structure.table.ones[columns[0]]} interventions on each, the same in all {structure.num_rows} steps"
    join = f"--merge {'_'.join(names)}={','.join(names)}"
    advice = f"join them (trisect convert ... {join}), or record interventions on them apart"
    return Finding("error", "equal-targets", what, evidence, NO_SCORES, advice, names)


def _complementary(structure: Structure, ones: Sequence[int], others: Sequence[int]) -> Finding:
    names = structure.named(sorted((*ones, *others)))
    sides = (", ".join(structure.named(side)) for side in (ones, others))
    what = f"inseparable, always one or the other is intervened on: {' | '.join(sides)}"
    counts = [structure.table.ones[side[0]] for side in (ones, others)]
    evidence = f"{counts[0]} and {counts[1]} of {structure.num_rows} steps, opposite in all"
    advice = "record steps in which neither or both are intervened on (joined, they would be constant)"
    return Finding("error", "complementary-targets", what, evidence, NO_SCORES, advice, names)


def _one_of_each(structure: Structure, relation: Relation) -> Finding:
    names = structure.named(relation.members)
    what = f"inseparable, exactly one is intervened on in every step: {listed(names, NAMED)}"
    evidence = f"in all {structure.num_rows} steps one of {len(names)}, so that each is a target where no other is"
    advice = "record steps in which none of them is intervened on"
    return Finding("error", "one-of-each", what, evidence, NO_SCORES, advice, names)


def _determined(structure: Structure) -> list[Finding]:
    found = []
    for group in components([each.members for each in structure.determined]):
        texts = [_rule(structure, each) for each in structure.determined if each.column in group]
        names = structure.named(group)
        what = f"inseparable, targets that follow from others: {listed(names, NAMED)}"
        evidence = f"in all {structure.num_rows} steps {listed(texts)}"
        found.append(Finding("error", "determined-targets", what, evidence, NO_SCORES, MORE, names))
    return found


def _rule(structure: Structure, relation: Relation) -> str:
    seen = structure.table.seen
    word = rule(seen[:, relation.sources], seen[:, relation.column])
    return f"{structure.names[relation.column]} = {word} ({listed(structure.named(relation.sources), NAMED)})"


def _pattern_count(structure: Structure) -> Finding:
    count = len(structure.table.codes)
    wanted = max(len(structure.varying), 1).bit_length() + 1
    enough = count >= wanted
    what = f"{count} distinct patterns of interventions"
    evidence = f"{len(structure.varying)} variables whose targets vary; at least {wanted} are wanted"
    consequence = f"{'enough' if enough else 'too few'} for methods that do not know the targets"
    advice = "nothing to do" if enough else "record other combinations of interventions for such methods"
    return Finding("note", "target-patterns", what, evidence, consequence, advice)
