"""Findings about targets: planted faults are found, sound policies give none."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.inspect.findings import LEVELS
from trisect.data.inspect.identifiability import identifiability, inseparable, transitions
from trisect.interventions import GroupedTargets, IndependentTargets, SingleTargets, binary_code_groups

RATES = (0.05, 0.1, 0.3, 0.5, 0.8)
SEEDS = range(4)
FEW_CODES = {"few-interventions", "few-steps-without", "seldom-apart", "seldom-alike", "nearly-determined"}


def letters(num):
    return [chr(ord("a") + i) for i in range(num)]


def independent(seed, rate, num_columns=5, num_rows=3000):
    return np.random.default_rng(seed).random((num_rows, num_columns)) < rate


def codes(targets, **options):
    return [finding.code for finding in identifiability(targets, letters(targets.shape[1]), **options)]


def errors(targets):
    findings = identifiability(targets, letters(targets.shape[1]))
    return {(each.code, frozenset(each.variables)) for each in findings if each.level == "error"}


def one(targets, code, **options):
    findings = [each for each in identifiability(targets, letters(targets.shape[1]), **options) if each.code == code]
    assert len(findings) == 1, f"{len(findings)} findings {code}"
    return findings[0]


# Constant columns


def test_no_interventions_at_all_is_the_only_finding():
    (finding,) = identifiability(np.zeros((100, 3), bool), ["a", "b", "c"])
    assert (finding.level, finding.code) == ("error", "no-interventions")
    assert "100 steps" in finding.evidence
    assert codes(np.zeros((0, 2), bool)) == ["no-interventions"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_column_never_intervened_on_is_a_note(seed):
    targets = independent(seed, 0.2)
    targets[:, 3] = False
    finding = one(targets, "never-intervened")
    assert (finding.level, finding.variables) == ("note", ("d",))
    assert "noise slot" in finding.consequence and "not identifiable from interventions" in finding.consequence
    assert not errors(targets)


def test_a_column_always_intervened_on_is_an_error():
    targets = independent(0, 0.2)
    targets[:, 1] = True
    assert errors(targets) == {("always-intervened", frozenset("b"))}
    assert errors(np.ones((50, 2), bool)) == {("always-intervened", frozenset("ab"))}


# Merged columns


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", RATES)
def test_equal_columns_are_one_error_with_the_flag_that_joins_them(seed, rate):
    targets = independent(seed, rate)
    targets[:, 4] = targets[:, 1] = targets[:, 2]
    assert errors(targets) == {("equal-targets", frozenset("bce"))}
    finding = one(targets, "equal-targets")
    assert "--merge b_c_e=b,c,e" in finding.advice and "only some of them" in finding.advice
    assert str(targets[:, 1].sum()) in finding.evidence and "3000" in finding.evidence


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", RATES)
def test_complementary_columns_are_an_error_that_does_not_advise_joining(seed, rate):
    targets = independent(seed, rate)
    targets[:, 3] = ~targets[:, 0]
    assert errors(targets) == {("complementary-targets", frozenset("ad"))}
    finding = one(targets, "complementary-targets")
    assert "neither or both" in finding.advice and "--merge" not in finding.advice


def test_equal_columns_and_their_complement_are_named_as_both():
    targets = independent(0, 0.3)
    targets[:, 1], targets[:, 2] = targets[:, 0], ~targets[:, 0]
    assert errors(targets) == {("equal-targets", frozenset("ab")), ("complementary-targets", frozenset("abc"))}
    assert inseparable(targets, letters(5)) == [("a", "b", "c")]


RULES = {
    "any of": lambda a, b: a | b,
    "all of": lambda a, b: a & b,
    "an odd number of": lambda a, b: a ^ b,
    "none of": lambda a, b: ~(a | b),
    "a function of": lambda a, b: a & ~b,
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("word", RULES)
def test_a_function_of_two_columns_is_named(seed, rate, word):
    targets = independent(seed, rate)
    targets[:, 2] = RULES[word](targets[:, 4], targets[:, 0])
    assert errors(targets) == {("determined-targets", frozenset("ace"))}
    finding = one(targets, "determined-targets")
    sides = ("c = {} (a, e)", "a = {} (c, e)", "e = {} (a, c)") if word == "an odd number of" else ("c = {} (a, e)",)
    assert any(side.format(word) in finding.evidence for side in sides)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "function",
    [
        lambda sources: sources.any(axis=1),
        lambda sources: sources.sum(axis=1) % 2 == 1,
        lambda sources: sources.sum(axis=1) >= 2,
    ],
)
def test_a_function_of_four_columns_is_found_with_just_these(seed, function):
    targets = independent(seed, 0.4, num_columns=9, num_rows=5000)
    targets[:, 5] = function(targets[:, [0, 2, 6, 8]])
    assert errors(targets) == {("determined-targets", frozenset("acfgi"))}


@pytest.mark.parametrize("seed", SEEDS)
def test_functions_are_found_among_many_columns_where_every_row_is_unique(seed):
    targets = independent(seed, 0.5, num_columns=24, num_rows=4000)
    targets[:, 1] = targets[:, 2] ^ targets[:, 3]
    targets[:, 7] = targets[:, 8:13].sum(axis=1) >= 3
    assert len(np.unique(targets, axis=0)) > 3900
    assert errors(targets) == {
        ("determined-targets", frozenset("bcd")),
        ("determined-targets", frozenset("hijklm")),
    }


@pytest.mark.parametrize("num_columns", [3, 4, 12])
@pytest.mark.parametrize("spare", [0, 3])
def test_exactly_one_target_a_step_is_one_error_for_the_group(num_columns, spare):
    rng = np.random.default_rng(num_columns)
    group = SingleTargets(num_columns, 0.0).sample(4000, rng)
    targets = np.concatenate([rng.random((4000, spare)) < 0.3, group], axis=1)
    assert errors(targets) == {("one-of-each", frozenset(letters(spare + num_columns)[spare:]))}
    finding = one(targets, "one-of-each")
    assert "exactly one" in finding.what and "none of them" in finding.advice


def test_one_of_two_is_a_complement():
    targets = SingleTargets(2, 0.0).sample(500, np.random.default_rng(0))
    assert errors(targets) == {("complementary-targets", frozenset("ab"))}


def test_groups_by_binary_code_determine_one_another():
    targets = binary_code_groups(3).sample(2000, np.random.default_rng(0))
    assert errors(targets) == {("determined-targets", frozenset("abc"))}


def test_connected_relations_are_one_group():
    targets = independent(1, 0.3, num_columns=7)
    targets[:, 2] = targets[:, 0] | targets[:, 1]
    targets[:, 4] = targets[:, 2] & targets[:, 3]
    targets[:, 6] = targets[:, 4]
    assert inseparable(targets, letters(7)) == [("a", "b", "c", "d", "e", "g")]
    assert errors(targets) == {("determined-targets", frozenset("abcde")), ("equal-targets", frozenset("eg"))}


# Nothing is claimed by coincidence


SOUND = {
    **{f"independent {rate}": lambda num, rate=rate: IndependentTargets((rate,) * num) for rate in RATES},
    "rates of all sizes": lambda num: IndependentTargets(tuple(np.linspace(0.05, 0.6, num).tolist())),
    **{f"single {none}": lambda num, none=none: SingleTargets(num, none) for none in (0.15, 0.4, 0.8)},
    "grouped": lambda num: GroupedTargets((*((i,) for i in range(num)), tuple(range(num)), (0, 1), ()), num),
}


@pytest.mark.parametrize("num_rows", [200, 1000, 20000])
@pytest.mark.parametrize("policy", SOUND)
def test_sound_policies_give_no_errors_and_only_true_warnings_about_few_steps(policy, num_rows):
    for seed in range(20):
        num = (2, 3, 5, 8, 12)[seed % 5]
        targets = SOUND[policy](num).sample(num_rows, np.random.default_rng(seed))
        findings = identifiability(targets, letters(num))
        assert {each.code for each in findings if each.level == "error"} == too_few_codes(targets), seed
        warned = {each.code for each in findings if each.level == "warning"}
        assert warned <= few_codes(targets), seed
        assert num_rows < 20000 or not warned, seed


def too_few_codes(targets):
    """Codes of errors about fewer than five steps of one kind."""
    ones, without = targets.sum(axis=0), (~targets).sum(axis=0)
    pairs = (("too-few-interventions", ones), ("too-few-steps-without", without))
    return {code for code, counts in pairs if ((counts > 0) & (counts < 5)).any()}


def few_codes(targets):
    """Codes of the shortages in these targets, by counting rows one pair at a time."""
    ones, num_rows, true = targets.sum(axis=0), len(targets), set()
    if (ones < 20).any():
        true.add("few-interventions")
    if (num_rows - ones < 20).any():
        true.add("few-steps-without")
    for i in range(targets.shape[1]):
        for j in range(i):
            apart = int((targets[:, i] != targets[:, j]).sum())
            true |= ({"seldom-apart"} if apart < 20 else set()) | ({"seldom-alike"} if num_rows - apart < 20 else set())
    if (~targets.any(axis=1)).sum() < 20:
        true.add("nearly-determined")
    return true


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_many_columns_in_few_rows_prove_nothing(rate):
    for seed in SEEDS:
        targets = independent(seed, rate, num_columns=64, num_rows=500)
        names = [f"v{i}" for i in range(64)]
        assert rate < 0.5 or len(np.unique(targets, axis=0)) == 500
        assert inseparable(targets, names) == []
        assert {each.code for each in identifiability(targets, names)} == {"target-patterns"}


@pytest.mark.parametrize("seed", range(8))
def test_steps_that_repeat_the_last_one_are_no_evidence(seed):
    """100 independent draws, each repeated for a random number of steps: unique patterns that only seem to recur."""
    rng = np.random.default_rng(seed)
    drawn = rng.random((100, 12)) < 0.5
    assert inseparable(np.repeat(drawn, rng.geometric(0.05, size=100), axis=0), letters(12)) == []


def test_five_equal_rows_are_a_shortage_and_no_proof_of_equality():
    targets = np.array([[0, 0], [1, 1], [0, 0], [0, 0], [0, 0]])
    assert {each.code for each in identifiability(targets, ["a", "b"]) if each.level != "note"} == {
        "too-few-interventions",
        "too-few-steps-without",
        "seldom-apart",
        "refused",  # five steps are too few for anything
    }


def test_more_candidate_columns_need_more_evidence():
    """30 steps alternate alike with probability 2^-28: no coincidence for two columns, but perhaps for two of 20."""
    rng = np.random.default_rng(0)
    pair = np.repeat(np.arange(30)[:, None] % 2 == 1, 2, axis=1)
    assert inseparable(pair, letters(2)) == [("a", "b")]
    assert inseparable(np.concatenate([pair, rng.random((30, 18)) < 0.5], axis=1), letters(20)) == []


def test_small_data_sets_hardly_ever_claim_anything():
    """In 12 rows of 6 columns many are determined by chance; one claim in a million data sets is allowed."""
    for seed in range(300):
        targets = independent(seed, 0.5, num_columns=6, num_rows=12)
        assert inseparable(targets, letters(6)) == [], seed


def test_more_than_64_columns_work_too():
    targets = independent(0, 0.2, num_columns=80, num_rows=2000)
    targets[:, 70], targets[:, 3] = targets[:, 1], targets[:, 66] & targets[:, 79]
    names = [f"v{i}" for i in range(80)]
    assert inseparable(targets, names) == [("v1", "v70"), ("v3", "v66", "v79")]


# Shortage


def test_few_interventions_are_listed_with_the_fewest_first():
    targets = independent(0, 0.4, num_columns=9)
    for column, count in enumerate([19, 3, 7, 20, 1, 5, 11]):
        targets[:, column] = False
        targets[100 * column : 100 * column + count, column] = True
    starts = np.arange(0, 3000, 1)
    finding = one(targets, "few-interventions", starts=starts)
    assert finding.level == "warning"
    assert finding.variables == ("f", "c", "g", "a")
    assert finding.evidence == "steps out of 3000: f 5, c 7, g 11, a 19"
    without = one(~targets, "few-steps-without", starts=starts)
    assert without.variables == finding.variables and without.evidence == finding.evidence


@pytest.mark.parametrize("count", [1, 4, 5])
def test_fewer_than_five_interventions_are_an_error_and_five_are_not(count):
    targets = independent(0, 0.4, num_columns=2)
    targets[:, 1] = False
    targets[:count, 1] = True
    for rows, code in ((targets, "too-few-interventions"), (~targets, "too-few-steps-without")):
        found = [each for each in identifiability(rows, letters(2)) if each.level == "error"]
        assert [each.code for each in found] == ([code] if count < 5 else [])
        if found:
            assert found[0].variables == ("b",) and found[0].evidence == f"{count} of 3000 steps"
            assert "on 'b' are fewer than 5" in found[0].what and "record more steps" in found[0].advice


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("count", [1, 19, 20])
def test_pairs_that_rarely_disagree_or_agree_get_a_warning(seed, flip, count):
    rng = np.random.default_rng(seed)
    targets = independent(seed, 0.3)
    targets[:, 3] = targets[:, 1] ^ flip
    rows = rng.choice(3000, size=count, replace=False)
    targets[rows, 3] ^= True
    code = "seldom-alike" if flip else "seldom-apart"
    assert not errors(targets)
    if count < 20:
        finding = one(targets, code)
        assert (finding.level, finding.variables) == ("warning", ("b", "d"))
        assert finding.evidence == f"b and d {count}"
    else:
        assert code not in codes(targets)


@pytest.mark.parametrize("seed", SEEDS)
def test_rules_with_few_exceptions_get_a_warning(seed):
    rng = np.random.default_rng(seed)
    targets = independent(seed, 0.3)
    targets[:, 0] = targets[:, 1] | targets[:, 4]
    targets[rng.choice(3000, size=9, replace=False), 0] ^= True
    assert not errors(targets)
    finding = one(targets, "nearly-determined")
    assert finding.variables == ("a", "b", "e") and "a from b, e: 9" in finding.evidence
    nearly_single = SingleTargets(5, 0.003).sample(4000, rng)
    nothing = int((~nearly_single.any(axis=1)).sum())
    assert 0 < nothing < 20
    assert f": {nothing}" in one(nearly_single, "nearly-determined").evidence


# Dependence


def test_single_targets_are_dependent_and_that_is_normal():
    targets = SingleTargets(3, 0.2).sample(3000, np.random.default_rng(0))
    finding = one(targets, "dependent-targets")
    assert finding.level == "note" and set(finding.variables) == set("abc")
    assert "as expected if a step intervenes on at most one variable" in finding.what
    assert "--classifier.conditional true" in finding.advice


def test_a_dependent_pair_is_listed_with_its_phi():
    targets = independent(0, 0.3)
    rng = np.random.default_rng(1)
    targets[:, 4] = np.where(rng.random(3000) < 0.3, targets[:, 1], targets[:, 4])
    finding = one(targets, "dependent-targets")
    assert finding.variables == ("b", "e")
    assert f"b and e {np.corrcoef(targets[:, 1], targets[:, 4])[0, 1]:.2f}" in finding.evidence
    assert "at most one variable" not in finding.what


def test_one_coincidence_of_rare_interventions_is_no_dependence():
    targets = np.zeros((1000, 2), bool)
    targets[[100, 200, 300], 0] = targets[[300, 400, 500], 1] = True
    assert np.corrcoef(targets.T)[0, 1] > 0.3
    assert "dependent-targets" not in codes(targets)


def test_equal_and_opposite_columns_are_not_listed_as_dependent_too():
    targets = independent(0, 0.3)
    targets[:, 1], targets[:, 3] = targets[:, 0], ~targets[:, 2]
    assert "dependent-targets" not in codes(targets)


def test_independent_targets_are_not_dependent_even_if_they_last():
    for seed in range(10):
        targets = independent(seed, 0.4, num_rows=200)
        assert "dependent-targets" not in codes(targets)
        assert "dependent-targets" not in codes(np.repeat(targets, 20, axis=0))


def test_patterns_are_counted_against_what_unknown_targets_need():
    few = GroupedTargets(((0, 1), (1, 2), (2, 3)), 4).sample(500, np.random.default_rng(0))
    finding = one(few, "target-patterns")
    assert finding.level == "note" and finding.what == "3 different sets of targets occur"
    assert (
        finding.evidence == "methods that are not told the targets need at least 4 for 4 variables with varying targets"
    )
    assert "could not identify" in finding.consequence
    enough = one(independent(0, 0.3), "target-patterns")
    assert enough.what == "32 different sets of targets occur" and "need at least 4 for 5 variables" in enough.evidence
    assert enough.consequence == "the recording could also be used by such methods"


def test_patterns_are_not_counted_where_no_target_varies():
    targets = np.column_stack([np.ones(60, bool), np.zeros(60, bool)])
    assert "target-patterns" not in codes(targets)
    single = one(np.arange(60)[:, None] % 3 == 0, "target-patterns")
    assert single.evidence.endswith("at least 2 for 1 variable with varying targets")


# Targets that last several steps


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("steps", [2, 5])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_targets_that_last_several_steps_are_named_with_their_onsets(seed, steps, rate):
    targets = independent(seed, rate, num_rows=2000)
    targets[:, 3] = np.repeat(targets[: 2000 // steps, 3], steps)
    finding = one(targets, "held-targets")
    assert (finding.level, finding.variables) == ("note", ("d",))
    onsets = int((np.diff(targets[:, 3].astype(int)) == 1).sum())
    assert finding.evidence.startswith(
        f"d {onsets} onsets, runs of median {np.median(run_lengths(targets[:, 3])):g} rows"
    )
    assert "each onset is one trial" in finding.consequence and "--encode switch" in finding.advice


@pytest.mark.parametrize(("onsets", "level"), [(19, "warning"), (20, "note")])
def test_few_onsets_are_a_warning_however_long_they_last(onsets, level):
    targets = independent(0, 0.3, num_rows=1600)
    targets[:, 1] = np.isin(np.arange(1600) // 40, 1 + 2 * np.arange(onsets))
    finding = one(targets, "held-targets")
    assert (finding.level, finding.variables) == (level, ("b",))
    assert f"b {onsets} onsets, runs of median 40 rows (all 40)" in finding.evidence
    assert ("record at least 20 onsets of each" in finding.advice) == (level == "warning")


def run_lengths(column):
    borders = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(int), [0]])))
    return borders[1::2] - borders[::2]


def test_repetition_across_episodes_does_not_count():
    """Each episode has two steps with the same target; steps of different episodes are not compared."""
    targets = np.repeat(independent(0, 0.3, num_rows=1000), 2, axis=0)
    assert "held-targets" in codes(targets, starts=np.arange(0, 2000, 2))
    assert "held-targets" not in codes(targets, starts=np.arange(2000))
    assert "held-targets" not in codes(targets[1:-1], starts=np.concatenate([[0], np.arange(1, 1998)]))


def test_transitions_leave_out_the_first_rows_and_episodes_of_one_frame():
    targets = np.arange(10)[:, None]
    rows, starts = transitions(targets, np.array([0, 4, 5, 9]))
    assert rows[:, 0].tolist() == [1, 2, 3, 6, 7, 8]
    assert starts.tolist() == [0, 3]


# Form


def test_the_order_of_columns_and_their_names_do_not_matter():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        targets = independent(seed, 0.4, num_columns=9)
        targets[:, 2] = targets[:, 0] | targets[:, 1]
        targets[:, 4] = ~targets[:, 3]
        targets[:, 5] = False
        targets[:, 8] = targets[:, 6] ^ targets[:, 0]
        names = letters(9)
        order = rng.permutation(9)
        findings = summary(targets, names)
        assert summary(targets[:, order], [names[i] for i in order]) == findings
        renamed = {name: f"z{9 - i}" for i, name in enumerate(names)}
        again = summary(targets, list(renamed.values()))
        assert again == {(level, code, frozenset(renamed[n] for n in members)) for level, code, members in findings}


def summary(targets, names):
    return {(each.level, each.code, frozenset(each.variables)) for each in identifiability(targets, names)}


def test_numbers_work_like_bools_and_levels_come_in_order():
    targets = independent(0, 0.3)
    targets[:, 0], targets[:, 1], targets[:, 2] = targets[:, 3], True, False
    findings = identifiability(targets, letters(5))
    assert identifiability(targets.astype(np.float32), letters(5)) == findings
    levels = [LEVELS.index(each.level) for each in findings]
    assert levels == sorted(levels) and set(levels) == {0, 2}


def test_targets_are_not_changed():
    targets = independent(0, 0.3)
    before = targets.copy()
    identifiability(targets, letters(5))
    assert np.array_equal(targets, before)


@pytest.mark.parametrize("function", [identifiability, inseparable])
@pytest.mark.parametrize(
    ("targets", "names", "message"),
    [
        (np.full((3, 2), 2), ["a", "b"], "the targets must be 0 or 1; got 2 at row 0, column 0"),
        (np.zeros((3, 2)), ["a"], r"one column per name\) must be \(any, 1\); got \(3, 2\)"),
        (np.zeros(3), ["a"], r"must be \(any, 1\); got \(3,\)"),
        (np.zeros((3, 2)), ["a", "a"], "the names of the targets must be all different; got a more than once"),
        (np.zeros((3, 2)), "ab", "the names of the targets must be a list of names; got 'ab'"),
    ],
)
def test_bad_input_is_one_sentence(function, targets, names, message):
    with pytest.raises(ValueError, match=message):
        function(targets, names)


def test_bad_starts_are_one_sentence():
    with pytest.raises(ValueError, match="starts of a recording must be a list that starts with 0"):
        identifiability(np.ones((3, 1)), ["a"], np.array([1, 2]))


def test_of_a_group_of_equal_columns_one_refusal_is_quoted() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((200, 2)) < 0.3)[:, [0, 0, 0, 1]]
    errors = [each for each in identifiability(targets, list("abcd")) if each.level == "error"]
    assert [(each.code, each.variables) for each in errors] == [("equal-targets", ("a", "b", "c"))]
    assert errors[0].consequence.count("training refuses: the targets of 'a' and 'b' must be neither") == 1
    assert errors[0].consequence.count("training refuses:") == 1
