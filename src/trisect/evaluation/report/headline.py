"""The first sentence of a report: what is identified, what leaks, and what the noise slot holds, all in one.

With true values, variables are "identified" by R2. Without, they are "found" if both the interventions of the training
data (the statements of the closed form) and the held-out ones (what the slot adds to the past) say so.
"""

from __future__ import annotations

from trisect.evaluation.report.separation import separation
from trisect.evaluation.report.verdicts import LEAKS, dependent, verdicts
from trisect.evaluation.score_matrix import ScoreMatrix
from trisect.evaluation.shown import Shown, shown
from trisect.evaluation.suite import Evaluation
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, VERDICTS

ALONE = {FOUND: "is found", CANNOT_TELL: "may or may not be found: the data cannot tell", NOT_THERE: "is not there"}
ELSEWHERE = "in another slot"
OTHERS = (CANNOT_TELL, ELSEWHERE, NOT_THERE)
NONE_LEAKS = f"predicts another variable with an R2 above {LEAKS:.2f}"


def labelled(evaluation: Evaluation) -> str:
    """The headline where true values are known."""
    assert evaluation.headline is not None
    matrix, apart = evaluation.headline.r2, separation(evaluation)
    targeted = {name: each for name, each in verdicts(matrix).items() if name in matrix.rows[:-1]}
    start = _identified(targeted)
    if apart.slots or apart.noise:
        clauses = apart.clauses()
        return f"{start}, but {clauses}." if "identified" in targeted.values() else f"{start}. {_opening(clauses)}."
    return f"{start}{_separated(evaluation, matrix, list(targeted.values()))}."


def _identified(verdict_of: dict[str, str]) -> str:
    if len(verdict_of) == 1:
        ((name, verdict),) = verdict_of.items()
        ending = "could not be scored" if verdict == "not scored" else f"is {verdict}"
        return f"The only targeted variable, {name}, {ending}"
    found = list(verdict_of.values()).count("identified")
    unknown = list(verdict_of.values()).count("not scored")
    tail = f"; {unknown} could not be scored" if unknown else ""
    return f"{_counted(found, len(verdict_of), 'targeted variables')} identified{tail}"


def _counted(part: int, whole: int, what: str) -> str:
    """How many of several things are, with the verb."""
    if part == whole and whole:
        return f"{'Both' if whole == 2 else f'All {whole}'} {what} are"
    if part == 0:
        return f"None of the {whole} {what} is"
    return f"{part} of the {whole} {what} {'is' if part == 1 else 'are'}"


def _opening(clauses: str) -> str:
    """Clauses as the start of a sentence."""
    return f"{clauses[0].upper()}{clauses[1:]}"


def _separated(evaluation: Evaluation, matrix: ScoreMatrix, found: list[str]) -> str:
    """The end of the headline if nothing leaks; nothing where there is nothing to separate."""
    if len(matrix.columns) == 1 or not any(verdict in ("identified", "mostly identified") for verdict in found):
        return ""
    more = " that its own variable does not explain" if dependent(evaluation) else ""
    if len(found) == 1:
        return f", and its slot does not {NONE_LEAKS.replace('predicts', 'predict')}{more}"
    own = ", each in its own slot" if all(verdict == "identified" for verdict in found) else ""
    return f"{own}. The slots are well separated: none {NONE_LEAKS}{more}"


def unlabelled(evaluation: Evaluation) -> str:
    """The headline without true values."""
    verdict_of = label_free_verdicts(evaluation)
    if not verdict_of:
        return "There are no ground-truth factors and no held-out interventions, so nothing can be said of the slots."
    apart, free = separation(evaluation), evaluation.label_free
    elsewhere = {name for _, name in free.elsewhere()} if free is not None else set()
    start = f"There are no ground-truth factors. By interventions alone, {_verdict_counts(verdict_of, elsewhere)}"
    found = any(each.verdict == FOUND for each in verdict_of.values())
    if apart.slots or apart.noise:
        clauses = apart.clauses()
        return f"{start}. {f'But {clauses}' if found else _opening(clauses)}."
    if found and len(verdict_of) > 1 and free is not None:
        return f"{start}. No slot is seen to predict the interventions on another variable."
    return f"{start}."


def _verdict_counts(verdict_of: dict[str, Shown], elsewhere: set[str]) -> str:
    """How many variables are found, and the names; ``elsewhere``: those whose interventions another slot shows."""
    if len(verdict_of) == 1:
        ((name, each),) = verdict_of.items()
        return f"the only variable, {name}, {ALONE[each.verdict]}"
    names = {
        word: [n for n, each in verdict_of.items() if _word(n, each, elsewhere) == word]
        for word in (*VERDICTS, ELSEWHERE)
    }
    start = _counted(len(names[FOUND]), len(verdict_of), "variables")
    start = f"{start[0].lower()}{start[1:]} found"
    start += f" ({', '.join(names[FOUND])})" if 0 < len(names[FOUND]) < len(verdict_of) else ""
    return "; ".join([start, *(f"{word}: {', '.join(names[word])}" for word in OTHERS if names[word])])


def _word(name: str, shows: Shown, elsewhere: set[str]) -> str:
    return ELSEWHERE if shows.verdict == NOT_THERE and name in elsewhere else shows.verdict


def label_free_verdicts(evaluation: Evaluation) -> dict[str, Shown]:
    """Variable -> the verdict without true values: found if neither the statements nor the held-out steps object."""
    free = shown(evaluation.label_free) if evaluation.label_free is not None else {}
    statement_of = {statement.variable: statement for statement in evaluation.statements}
    verdict_of = {}
    for name in evaluation.slots.variables:
        statement, held_out = statement_of.get(name), free.get(name)
        if statement is not None and statement.verdict != FOUND:
            verdict_of[name] = Shown(statement.verdict, statement.settling, statement.reason)
        elif statement is not None and held_out is not None and held_out.verdict == NOT_THERE:
            reason = f"the training data show it, but on held-out steps {held_out.reason}"
            verdict_of[name] = Shown(CANNOT_TELL, None, reason)
        elif held_out is not None:
            verdict_of[name] = held_out
        elif statement is not None:
            verdict_of[name] = Shown(FOUND)
    return verdict_of
