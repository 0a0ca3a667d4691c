"""Recording any Gymnasium environment with interventions into a data set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data import chunks, processes, store
from trisect.data.dataset import Dataset
from trisect.data.environments import Source, check_source, description, is_made
from trisect.data.episodes import Agent, EpisodeSettings, Factors, Form, Intervene, form_of
from trisect.data.functions import described, fingerprint, require_function, require_sendable
from trisect.data.progress import Progress
from trisect.data.recorded_folder import Work, write
from trisect.interventions import IndependentTargets, SingleTargets, TargetPolicy, binary_code_groups
from trisect.names import checked_names
from trisect.variables import Factor, VariableSpace, as_space

logger = logging.getLogger("trisect")

PROBABILITY, LEAST_NONE = 0.1, 0.4
"""How often a variable is intervened on in a step, and the smallest share of steps without an intervention."""
HELD_OUT = ("val", "test")
ACTIONS = "actions"


def _single(number: int) -> TargetPolicy:
    return SingleTargets(number, max(LEAST_NONE, 1 - PROBABILITY * number))


def _independent(number: int) -> TargetPolicy:
    return IndependentTargets((PROBABILITY,) * number)


def _none(number: int) -> TargetPolicy:
    return IndependentTargets((0.0,) * number)


POLICIES: dict[str, Callable[[int], TargetPolicy]] = {
    "single": _single,
    "independent": _independent,
    "grouped": binary_code_groups,
    ACTIONS: _none,
}
"""Name of a policy -> the policy for a number of interventions."""


@dataclass(frozen=True)
class Recorder:
    """Records an environment with interventions.

    In each step the environment acts first, then the interventions of this step follow, then the frame is rendered: row
    t of the targets says what was intervened on to produce frame t. The first frame of an episode has no targets. An
    episode ends when the environment terminates or truncates it, or after ``episode_length`` frames.

    Attributes:
        environment: the environment, with ``render_mode="rgb_array"``; or a function without arguments that makes one;
            or an id of Gymnasium (``trisect[gymnasium]``). With a function or an id, a new environment is made for
            every chunk, and several can run side by side. A reset of an environment that you pass must bring back
            everything that interventions change, or the bytes depend on interruptions.
        interventions: variable name -> a function of the unwrapped environment and a generator, which changes the
            variable, such as to a value drawn from the generator. It leaves all other variables as they are.
        policy: "single": at most one intervention in a step, on each variable in 10 % of the steps (less often if there
            are more than 6); "independent": each in 10 % of the steps; "grouped": groups of variables together, see
            `trisect.interventions.binary_code_groups`; "actions": no interventions, only the agent's actions, and
            targets that are all 0; or a `TargetPolicy` over the interventions in their order.
        variables: all variables, or their names; those without an intervention are never targets. By default the names
            of the factors if there are some, else of the interventions.
        factors: a function of the unwrapped environment that returns the ground truth, factor name -> number.
        agent: a function of the observation and a generator that chooses the actions; by default they are sampled from
            the environment's action space. It sees the environment's own observation, from before the interventions.
        size: side of the frames in pixels, or (height, width); None: as rendered. Pixels are means of areas.
        episode_length: largest number of frames of an episode, at least 2. An episode is in memory while it is
            recorded.

    Raises:
        TypeError: an intervention, the agent or ``factors`` is no function, or the policy is neither a name nor a
            `TargetPolicy`.
        ValueError: a name, the policy, the size or the length is out of range.

    Example:
        >>> def move_cart(cart_pole, rng):
        ...     cart_pole.state = (rng.uniform(-2, 2), *cart_pole.state[1:])
        >>> Recorder("CartPole-v1", {"cart": move_cart}, size=(32, 48)).frame_size
        (32, 48)
    """

    environment: Source
    interventions: Mapping[str, Intervene]
    policy: str | TargetPolicy = "single"
    variables: VariableSpace | Iterable[str] | Iterable[Factor] | None = None
    factors: Factors | None = None
    agent: Agent | None = None
    size: int | tuple[int, int] | None = 64
    episode_length: int = 100

    def __post_init__(self) -> None:
        if not isinstance(self.interventions, Mapping):
            what, got = "the interventions of a Recorder", checks.quoted(self.interventions, 100)
            raise TypeError(checks.sentence(what, "a mapping from variables to functions", got))
        checked_names(list(self.interventions), "the names of the interventions")
        object.__setattr__(self, "interventions", dict(self.interventions))
        if self.variables is not None:
            object.__setattr__(self, "variables", as_space(self.variables))
        self._check_functions()
        checks.positive_int(self.episode_length, "episode_length of a Recorder", 2)
        self._settings()

    def _check_functions(self) -> None:
        check_source(self.environment)
        for name, function in self.interventions.items():
            require_function(function, f"the intervention '{name}'", "the environment", "a generator")
        if self.factors is not None:
            require_function(self.factors, "factors of a Recorder", "the environment")
        if self.agent is not None:
            require_function(self.agent, "the agent of a Recorder", "an observation", "a generator")

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """(height, width) of the frames in pixels; None: as rendered."""
        if self.size is None:
            return None
        pair = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        checks.require(len(pair) == 2, "size of a Recorder", "one number, or (height, width)", self.size)
        return checks.size(pair[0], "size of a Recorder"), checks.size(pair[1], "size of a Recorder")

    @processes.explained()
    def record(
        self,
        *,
        frames: int,
        out: str | Path,
        seed: int,
        splits: Mapping[str, int] | None = None,
        progress: Progress | None = None,
        workers: int = 1,
    ) -> Dataset:
        """Record a data set into a new folder, with the splits train, val and test.

        If the process is killed, or a function of yours fails, repeat the call and it continues after the last finished
        chunk of episodes (2,000 frames and 64 MB at most, or one episode). The bytes are the same as without the
        interruption, and the same for any number of workers, if the seed of a reset decides everything that the
        environment does by chance. If the same call has finished before, its data set is returned. A recording of
        other functions is never continued; it starts again if no chunk of it was finished.

        Args:
            frames: frames of the training split, at least 2.
            out: the folder to make.
            seed: seed of all random numbers, at least 0.
            splits: name -> number of frames of val and test; by default a tenth of ``frames`` each, from 20 to 10,000.
            progress: called as ``progress(done, total)`` in frames: first with the frames of an earlier, interrupted
                call, then after every chunk.
            workers: number of processes, at least 1; for several, the environment must be an id, or a function at the
                top of a module. If your script defines it, call `record` below ``if __name__ == "__main__":``.

        Raises:
            FileExistsError: ``out`` exists, and another call made it.
            FolderInUseError: another process is recording into the same folder.
            ValueError: an argument is out of range, a function of yours failed, your policy samples no targets of its
                shape, the environment cannot be made or rendered or changed the size of its pictures, there is an
                unfinished folder with other settings in which something is finished, or the worker processes died.
            TypeError: the environment is none.
        """
        out = checks.path(out, "the folder of a data set to make")
        checks.seed(seed, "the seed of a data set")
        if checks.positive_int(workers, "the number of workers") > 1:
            self._require_sendable()
        sizes = _sizes(frames, splits)
        marker = {"source": self._source(seed), "sizes": sizes, "functions": self._fingerprints()}
        if store.was_made_by(out, marker):
            logger.info("the data set in %s is complete", out)
            return store.load(out)
        settings = self._settings()
        form = form_of(settings)
        work = Work(settings, form, self._space(form), seed, sizes, workers)
        return write(out, work, marker, progress)

    def _settings(self) -> EpisodeSettings:
        return EpisodeSettings(
            self.environment,
            self.interventions,
            self._policy(),
            self.factors,
            self.agent,
            self.frame_size,
            self.episode_length,
        )

    def _policy(self) -> TargetPolicy:
        number = len(self.interventions)
        if isinstance(self.policy, TargetPolicy):
            what, must = "the number of variables of the policy of a Recorder", f"that of its interventions, {number}"
            given = getattr(self.policy, "num_variables", None)  # a subclass may have forgotten it
            checks.require(given == number, what, must, checks.quoted(given))
            return self.policy
        if not isinstance(self.policy, str):
            must, todo = "a name, or a TargetPolicy", "derive yours from trisect.interventions.TargetPolicy"
            raise TypeError(checks.sentence("the policy of a Recorder", must, checks.quoted(self.policy, 100), todo))
        checks.one_of(self.policy, POLICIES, "the policy of a Recorder")
        todo = f"pass functions, or policy='{ACTIONS}' to record actions only"
        enough = number > 0 or self.policy == ACTIONS
        checks.require(enough, "the interventions of a Recorder", "at least one", "none", todo)
        return POLICIES[self.policy](number)

    def _space(self, form: Form) -> VariableSpace:
        """The variables, which must have the interventions among them."""
        names = tuple(self.interventions) if form.factors is None else form.factors
        known = self.variables is not None or len(names) > 0
        checks.require(known, "the variables of a Recorder", "named", "no name", "pass variables=, a list of names")
        space = as_space(names if self.variables is None else self.variables)
        for name in self.interventions:
            checks.one_of(name, space.names, "the name of an intervention")
        return space

    def _source(self, seed: int) -> dict[str, Any]:
        """Where the data come from, for ``meta.json``."""
        size = self.frame_size
        return {
            "made_by": "Recorder",
            "environment": description(self.environment),
            "interventions": list(self.interventions),
            "policy": described(self._policy()),
            "size": None if size is None else list(size),
            "episode_length": self.episode_length,
            "seed": seed,
        }

    def _functions(self) -> dict[str, object]:
        """Name in messages -> a function that was passed."""
        functions: dict[str, object] = {f"the intervention '{name}'": each for name, each in self.interventions.items()}
        optional = {"factors of a Recorder": self.factors, "the agent of a Recorder": self.agent}
        functions |= {name: each for name, each in optional.items() if each is not None}
        is_function = callable(self.environment) and not is_made(self.environment)
        return functions | ({"the environment": self.environment} if is_function else {})

    def _fingerprints(self) -> dict[str, Any]:
        """By what an unfinished recording recognises its call, besides its source."""
        variables = self.variables.to_json() if isinstance(self.variables, VariableSpace) else None
        return {name: fingerprint(each) for name, each in self._functions().items()} | {"variables": variables}

    def _require_sendable(self) -> None:
        must = "an id, or a function that makes it, for several workers"
        todo = "pass such a function, or workers=1"
        checks.require(not is_made(self.environment), "the environment", must, "an environment", todo)
        require_sendable(self._functions() | {"the policy of a Recorder": self._policy()})


def _sizes(frames: int, splits: Mapping[str, int] | None) -> dict[str, int]:
    """Number of frames of every split, train first."""
    if splits is None:
        frames = checks.positive_int(frames, "frames of a recording", 2)
        splits = {name: size for name, size in chunks.default_splits(frames).items() if name in HELD_OUT}
    sizes = chunks.split_sizes(frames, splits)
    for name in sizes:
        checks.one_of(name, ("train", *HELD_OUT), "the name of a split to record")
    return sizes
