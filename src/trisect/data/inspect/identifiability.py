"""Identifiability: which variables the intervention targets of a data set can separate, before any training.

| level | code | what |
|---|---|---|
| error | no-interventions | there are no interventions; this is then the only finding |
| error | always-intervened | columns with an intervention in every step |
| error | equal-targets | columns that are equal in every step, one finding per group |
| error | complementary-targets | columns that are the negation of others, one finding per group |
| error | one-of-each | exactly one of three or more columns in every step, one finding per group |
| error | determined-targets | columns that are another function of others, one finding per connected group |
| error | refused | any other refusal of training: too few steps, or two columns that are equal by coincidence |
| error | too-few-interventions, too-few-steps-without | a column with one value in fewer than 5 steps |
| warning | few-interventions, few-steps-without | columns with one value in fewer than 20 steps |
| warning | seldom-apart, seldom-alike | pairs that differ, or agree, in fewer than 20 steps |
| warning | nearly-determined | columns that are a function of others except in fewer than 20 steps |
| warning, note | held-targets | columns that repeat the previous step, with fewer than 20 onsets, or more |
| note | never-intervened | columns without an intervention |
| note | dependent-targets | pairs of columns that are dependent |
| note | target-patterns | the number of distinct rows, against floor(log2 K) + 2 |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trisect.data import sequences
from trisect.data.durations import lag_correlation
from trisect.data.inspect.dependence import dependence
from trisect.data.inspect.determined import Relation
from trisect.data.inspect.findings import Finding, by_level
from trisect.data.inspect.kinds import held
from trisect.data.inspect.refused import QUOTE, with_refusals
from trisect.data.inspect.shortage import shortages
from trisect.data.inspect.structure import Structure, components
from trisect.data.inspect.wording import listed, rule
from trisect.refusals import WITHOUT_TARGETS, refusals

NAMED = 12
INSEPARABLE = ("equal-targets", "complementary-targets", "one-of-each", "determined-targets")
"""Codes of findings that name a group of variables that the targets cannot separate."""
NO_SCORES = "their latents cannot be separated, and scores that distinguish them are meaningless"
MORE = "record steps that break this rule (trisect inspect --suggest lists the fewest)"


def identifiability(targets: np.ndarray, names: Sequence[str], starts: np.ndarray | None = None) -> list[Finding]:
    """Find out from the targets which variables can be identified.

    A variable can be identified from known interventions if its column is neither constant nor a function of the
    other columns (Lippe et al., ICML 2022), and in practice only if enough steps show the difference.

    Args:
        targets: (N, K) bool or 0/1, one row per transition, without the first rows of episodes, which have no meaning
            (see `transitions`).
        names: K names.
        starts: rows where episodes start, counted in transitions, ascending from 0; one episode if None.

    Returns:
        Errors first, then warnings, then notes, with the codes listed above.

    Raises:
        ValueError: the targets are not 0/1 or not (N, K), the names are not K different ones, or the starts are wrong.

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
    findings = [
        *_constant(structure),
        *_alike(structure),
        *(_one_of_each(structure, each) for each in structure.one_of_each),
        *_determined(structure),
        *shortages(structure),
        *held(structure, lag, chance, borders),
        *dependence(structure, lag),
        *_pattern_count(structure),
    ]
    return by_level(with_refusals(findings, refusals(structure.table.rows, structure.names)))


def inseparable(targets: np.ndarray, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups of variables that the targets cannot separate, each in the order of the columns.

    Variables belong together if their columns are evidently equal, opposite, or a function of one another; constant
    columns belong to no group.

    Args:
        targets: (N, K) bool or 0/1, as for `identifiability`.
        names: K names.

    Raises:
        ValueError: as for `identifiability`.
    """
    structure = Structure.of(targets, names)
    return [structure.named(group) for group in structure.inseparable]


def transitions(targets: np.ndarray, episode_starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a recording's targets that describe a transition, and where episodes start among them.

    Args:
        targets: (T, K), row t produced frame t.
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
    so = f"nothing can be identified, and {QUOTE} {WITHOUT_TARGETS.head}"
    return Finding("error", "no-interventions", what, evidence, so, advice, structure.names)


def _constant(structure: Structure) -> list[Finding]:
    always, never = structure.named(structure.always), structure.named(structure.never)
    findings = []
    if always:
        what = f"every step intervenes on {listed(always)}"
        evidence = f"{structure.num_rows} of {structure.num_rows} steps"
        it = "the variable" if len(always) == 1 else "these variables"
        consequence = f"the data never show {it} without an intervention, and the targets carry no information"
        advice = f"record steps that do not intervene on {it}"
        findings.append(Finding("error", "always-intervened", what, evidence, consequence, advice, always))
    if never:
        what, evidence = f"no step intervenes on {listed(never)}", f"0 interventions in {structure.num_rows} steps"
        belongs, are, them = ("it belongs", "is", "it") if len(never) == 1 else ("they belong", "are", "them")
        consequence = f"{belongs} to the noise slot and {are} not identifiable from interventions"
        advice = f"record interventions on {them} to identify {them}"
        findings.append(Finding("note", "never-intervened", what, evidence, consequence, advice, never))
    return findings


def _alike(structure: Structure) -> list[Finding]:
    findings = []
    for each in structure.alike:
        for side in (each.equal, each.opposite):
            if len(side) > 1:
                findings.append(_equal(structure, side))
        if each.opposite:
            findings.append(_complementary(structure, each.equal, each.opposite))
    return findings


def _equal(structure: Structure, columns: Sequence[int]) -> Finding:
    names = structure.named(columns)
    what = f"these variables are always intervened on together: {', '.join(names)}"
    evidence = f"{structure.table.ones[columns[0]]} interventions on each, in the same steps of {structure.num_rows}"
    join = f"--merge {'_'.join(names)}={','.join(names)}"
    advice = f"join them (trisect convert ... {join}), or record steps that intervene on only some of them"
    return Finding("error", "equal-targets", what, evidence, NO_SCORES, advice, names)


def _complementary(structure: Structure, ones: Sequence[int], others: Sequence[int]) -> Finding:
    names = structure.named(sorted((*ones, *others)))
    sides = [" and ".join(structure.named(side)) for side in (ones, others)]
    what = f"every step intervenes either on {sides[0]} or on {sides[1]}, never on both or neither"
    counts = [structure.table.ones[side[0]] for side in (ones, others)]
    evidence = f"{counts[0]} and {counts[1]} of {structure.num_rows} steps, and never the same step"
    advice = "record steps that intervene on neither or both; do not join them, as the result would be constant"
    return Finding("error", "complementary-targets", what, evidence, NO_SCORES, advice, names)


def _one_of_each(structure: Structure, relation: Relation) -> Finding:
    names = structure.named(relation.members)
    what = f"every step intervenes on exactly one of these variables: {listed(names, NAMED)}"
    evidence = f"one of {len(names)} in all {structure.num_rows} steps, so each target follows from the others"
    advice = "record steps that intervene on none of them"
    return Finding("error", "one-of-each", what, evidence, NO_SCORES, advice, names)


def _determined(structure: Structure) -> list[Finding]:
    findings = []
    for group in components([each.members for each in structure.determined]):
        texts = [_rule(structure, each) for each in structure.determined if each.column in group]
        names = structure.named(group)
        what = f"some targets of these variables follow from the others: {listed(names, NAMED)}"
        evidence = f"in all {structure.num_rows} steps {listed(texts)}"
        findings.append(Finding("error", "determined-targets", what, evidence, NO_SCORES, MORE, names))
    return findings


def _rule(structure: Structure, relation: Relation) -> str:
    seen = structure.table.seen
    word = rule(seen[:, relation.sources], seen[:, relation.column])
    return f"{structure.names[relation.column]} = {word} ({listed(structure.named(relation.sources), NAMED)})"


def _pattern_count(structure: Structure) -> list[Finding]:
    if not structure.varying:
        return []
    count, number = len(structure.table.codes), len(structure.varying)
    required = number.bit_length() + 1
    what = f"{count} different {'set' if count == 1 else 'sets'} of targets {'occurs' if count == 1 else 'occur'}"
    whose = f"{number} {'variable' if number == 1 else 'variables'} with varying targets"
    evidence = f"methods that are not told the targets need at least {required} for {whose}"
    if count < required:
        consequence = "such methods could not identify the variables; methods that know the targets can"
        advice = "intervene on other sets of variables if you use them"
        return [Finding("note", "target-patterns", what, evidence, consequence, advice)]
    consequence = "the recording could also be used by such methods"
    return [Finding("note", "target-patterns", what, evidence, consequence, "nothing to do")]
