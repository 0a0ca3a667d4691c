"""Attacks on verbs. After every one the same command again must end as if nothing had happened.

Each attack returns what is wrong: nothing (an empty text), or a text that begins with "lost" (work or a command is
lost, something is left over, or the message is no sentence) or "silent" (a wrong result was given as if it were right).
"""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.processes import Ended, task
from tests.faults.verbs import Stage, Trial, Verb

KILLED = -signal.SIGKILL
STOPPED_AT = re.compile(r"training stops after step (\d+)")


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        kind: the row of the table.
        verb: the verb, or the kind of folder.
        case: what distinguishes it from others of its kind.
        run: does it, and says what is wrong.
    """

    kind: str
    verb: str
    case: str
    run: Callable[[], str]

    @property
    def key(self) -> str:
        """Its name in the file of results."""
        return f"{self.kind} | {self.verb} | {self.case}"


def spread(items: list[Any], count: int | None) -> list[Any]:
    """About ``count`` items, evenly spread; all of them for None."""
    if count is None or count >= len(items):
        return items
    return [items[round(k * (len(items) - 1) / max(1, count - 1))] for k in range(count)]


def is_sentence(ended: Ended, verb: str) -> bool:
    """Whether a failed command said why, in a last line of its own, without a traceback."""
    lines = ended.err.strip().splitlines()
    begins = f"trisect {verb.split()[0].rstrip(',')}: "
    return bool(lines) and lines[-1].startswith(begins) and len(lines[-1]) < 1000 and "Traceback" not in ended.err


def told(ended: Ended) -> str:
    """The end of what a command said."""
    return f"rc {ended.rc}: {' / '.join(ended.err.strip().splitlines()[-4:])[-600:]}"


def at_calls(stage: Stage, verb: Verb, count: int | None) -> Iterator[Attack]:
    """Kill -9 before and after calls that change the file system."""
    calls = stage.whole(verb).calls
    points = [(number, after) for number in range(1, len(calls) + 1) for after in (False, True)]
    for number, after in spread(points, count):
        case = f"{'after' if after else 'before'} call {number}, {calls[number - 1]}"

        def run(number: int = number, after: bool = after) -> str:
            with stage.trial(verb) as trial:
                return _killed_at(trial, number, after) or _afterwards(trial)

        yield Attack("kill at a call", verb.name, case, run)


def _killed_at(trial: Trial, number: int, after: bool) -> str:
    kill = {"at": number, "after": after, "file": str(trial.stage.base / "calls"), "below": str(trial.folder)}
    ended = trial.run(kill=kill)
    return "" if ended.rc == KILLED else f"lost: it was not killed, {told(ended)}"


def twice(stage: Stage, verb: Verb, count: int, seed: int) -> Iterator[Attack]:
    """Kill -9 at a random call, and the repeated command at another one."""
    rng, calls = random.Random(f"{seed} twice {verb.name}"), stage.whole(verb).calls
    for _ in range(count):
        first, second = (rng.randint(1, len(calls)) for _ in range(2))

        def run(first: int = first, second: int = second) -> str:
            with stage.trial(verb) as trial:
                problem = _killed_at(trial, first, False)
                kill = {"at": second, "after": True, "file": str(stage.base / "calls"), "below": str(trial.folder)}
                ended = trial.run(again=True, kill=kill)
                if ended.rc not in (0, KILLED) and not _is_done_already(trial, ended, trial.use()):
                    return f"lost: repeating failed, {told(ended)}"
                return problem or _afterwards(trial)

        yield Attack("kill, and kill the repetition", verb.name, f"before call {first}, after call {second}", run)


def at_moments(stage: Stage, verb: Verb, number: signal.Signals, count: int, seed: int) -> Iterator[Attack]:
    """A signal at random moments."""
    rng, whole = random.Random(f"{seed} {number.name} {verb.name}"), stage.whole(verb)
    longest = whole.cpu if verb.timed_by == "cpu" else whole.wall
    for _ in range(count):
        share = rng.random()

        def run(share: float = share) -> str:
            with stage.trial(verb) as trial:
                ended = trial.run(signal=(int(number), share * longest, verb.timed_by))
                return _signalled(trial, number, ended) or _afterwards(trial, ended)

        yield Attack(f"{number.name} at a moment", verb.name, f"after {share:.4f} of the time", run)


def _signalled(trial: Trial, number: signal.Signals, ended: Ended) -> str:
    """What is wrong with the end of a command that was sent a signal."""
    if ended.rc == 0 or number == signal.SIGKILL:
        return "" if ended.rc in (0, KILLED) else f"lost: {told(ended)}"
    expected = {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    if ended.rc == expected and is_sentence(ended, trial.verb.name):
        return ""
    if ended.rc == -number and not list(trial.folder.glob("out*")) + list(trial.folder.glob(".out*")):
        return ""  # it had not begun
    return f"lost: {number.name} ended it without a sentence, {told(ended)}"


def _afterwards(trial: Trial, first: Ended | None = None) -> str:
    """What is wrong after an attack: with what it left, with the repeated command, and with what that left."""
    whole, found = trial.stage.whole(trial.verb), trial.use()
    if "crash" in found:
        return f"lost: using what was left ended in {found['crash'][-300:]}"
    if "value" in found and found["value"] != whole.value:
        return "silent: what was left was used, and gave another result"
    again = trial.run(again=True)
    if again.rc != 0 and not _is_done_already(trial, again, found):
        return f"lost: repeating failed, {told(again)}"
    stopped = STOPPED_AT.search(first.err) if first else None
    if stopped and f"at step {stopped[1]} " not in again.err:
        return f"lost: the repeated command did not continue from step {stopped[1]}: {again.err[-300:]}"
    return is_whole(trial)


def _is_done_already(trial: Trial, again: Ended, found: dict[str, Any]) -> bool:
    """Whether a command was refused because its output is there, whole: verbs that name a new folder do that."""
    return "value" in found and "exists" in again.err and is_sentence(again, trial.verb.name)


def is_whole(trial: Trial) -> str:
    """What is wrong with the output, compared with that of an undisturbed call."""
    whole, found = trial.stage.whole(trial.verb), trial.use()
    if found.get("value") != whole.value:
        return f"silent: the result differs, {str(found)[-300:]}"
    kept = trial.stage.processes.use("kept", trial.out)
    differing = [name for name in {*kept, *whole.kept} if kept.get(name) != whole.kept.get(name)]
    if any(name in kept and name in whole.kept for name in differing):
        return f"silent: files differ: {', '.join(sorted(differing))}"
    damaged = trial.stage.processes.use("verify", trial.out).get("damaged")
    if damaged != {}:
        return f"silent: verify finds damaged files: {damaged}"
    left = [*trial.left_over(), *differing]
    return f"lost: left over or missing: {', '.join(sorted(left))}" if left else ""


def on_a_full_disk(stage: Stage, verb: Verb, count: int | None) -> Iterator[Attack]:
    """No file can grow beyond a number of bytes: each size at which another file is cut."""
    for size in spread([0, *(size - 1 for size in stage.whole(verb).sizes if size > 1)], count):

        def run(size: int = size) -> str:
            with stage.trial(verb) as trial:
                ended = trial.run(file_bytes=size)
                if ended.rc != 0 and not (ended.rc == 1 and is_sentence(ended, verb.name)):
                    return f"lost: no sentence, {told(ended)}"
                return is_whole(trial) if ended.rc == 0 else _afterwards(trial)

        yield Attack("full disk", verb.name, f"no file above {size} bytes", run)


def without_permission(stage: Stage, verb: Verb, count: int | None) -> Iterator[Attack]:
    """As a user who may not write where the output goes, or not read an input."""

    def nowhere_to_write() -> str:
        with stage.trial(verb) as trial, _modes(trial.folder, 0o555):
            return _refused(trial)

    def unfinished_is_not_ours() -> str:
        with stage.trial(verb) as trial:
            problem = _killed_at(trial, len(stage.whole(verb).calls) * 2 // 3, False)
            with _modes(trial.folder, 0o555):
                problem = problem or _refused(trial, repeat=False, again=True)
            return problem or _afterwards(trial)

    def no_input(file: Path) -> str:
        with stage.trial(verb) as trial:
            with _modes(file, 0o000), _modes(trial.folder, 0o777):
                problem = _refused(trial, repeat=False)
            return problem or _afterwards(trial)

    yield Attack("no permission", verb.name, "to write", nowhere_to_write)
    yield Attack("no permission", verb.name, "to continue", unfinished_is_not_ours)
    inputs = [file for path in verb.inputs for file in ([path] if path.is_file() else _files(path))]
    for file in spread(inputs, count):
        yield Attack(
            "no permission", verb.name, f"to read {file.relative_to(stage.base)}", lambda file=file: no_input(file)
        )  # type: ignore[misc]


def _files(folder: Path) -> list[Path]:
    """The files of a folder that a verb may read."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix != ".ckpt")


def _refused(trial: Trial, repeat: bool = True, again: bool = False) -> str:
    """What is wrong when a command must fail for lack of permission; one that needs none may succeed."""
    ended = trial.run(nobody=True, again=again)
    if ended.rc == 0:
        return "" if not repeat else f"lost: it wrote where it may not, {told(ended)}"
    return "" if ended.rc == 1 and is_sentence(ended, trial.verb.name) else f"lost: no sentence, {told(ended)}"


@contextmanager
def _modes(path: Path, mode: int) -> Iterator[None]:
    """A file, or a folder and what is in it, with other permissions for a while; files never become executable."""
    paths = [path, *(path.rglob("*") if path.is_dir() else ())]
    former = {each: each.stat().st_mode for each in paths}
    for each in reversed(paths):
        each.chmod(mode if each.is_dir() else mode & 0o666)
    try:
        yield
    finally:
        for each, before in former.items():
            if each.exists():
                each.chmod(before)


def two_at_once(stage: Stage, verb: Verb, count: int) -> Iterator[Attack]:
    """The same command twice at the same time, with the same output."""
    for number in range(count):

        def run() -> str:
            with stage.trial(verb) as trial:
                ended = stage.processes.together(task(verb.arguments(trial.out)), task(verb.arguments(trial.out)))
                if all(each.rc for each in ended):
                    return f"lost: both failed, {' and '.join(map(told, ended))}"
                bad = [each for each in ended if each.rc and not (each.rc == 1 and is_sentence(each, verb.name))]
                return f"lost: no sentence, {told(bad[0])}" if bad else is_whole(trial)

        yield Attack("two at once", verb.name, f"time {number}", run)
