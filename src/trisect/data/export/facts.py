"""What an exported data set says about itself, in plain types, so that `trisect.convert` gives the same one back.

It is the value of the key ``"trisect"``, in ``meta/info.json`` of LeRobot and in the metadata of the schema of every
Parquet file of a Hugging Face data set:

```
format, format_version       "trisect data", 1
alignment                    "effect": row t's target says what was intervened on to produce frame t
variables                    kinds, ranges and groups, as in meta.json of a data folder
frames_per_observation       number of frames that every observation holds
splits                       name -> rows and episodes, which follow each other in this order; type of the observations;
                             whether there are factors and actions
source                       where the data come from
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.recording import KEPT_TYPES, Recording
from trisect.variables import VariableSpace

KEY = "trisect"
FORMAT, FORMAT_VERSION = "trisect data", 1
PICTURE, LISTED, STATE = "observation.images.frame", "observation.frame", "observation.state"
"""Columns of observations: pictures, pictures as lists of numbers, vectors."""
TARGET, FACTOR, ACTION = "target", "factor", "action"
EPISODE, FRAME, TIME = "episode_index", "frame_index", "timestamp"
MEANING = (
    "row t's target and action led to frame t: target says which variables were intervened on between the frame before "
    "and this one; the first row of an episode has none"
)


@dataclass(frozen=True)
class SplitFacts:
    """What is known of a split.

    Attributes:
        rows, episodes: their number.
        observations: type of the observations.
        factors, actions: whether there are any.
    """

    rows: int
    episodes: int
    observations: str
    factors: bool
    actions: bool

    def __post_init__(self) -> None:
        for name in ("rows", "episodes"):
            checks.positive_int(getattr(self, name), f"the {name} of an exported split")
        types = [np.dtype(each).name for each in KEPT_TYPES]
        checks.one_of(self.observations, types, "the type of observations of an exported split")


@dataclass(frozen=True)
class Facts:
    """What an exported data set says about itself.

    Attributes:
        variables: all of them.
        frames: number of frames that every observation holds.
        splits: name -> what is known of it; their rows follow each other.
        source: where the data come from.
    """

    variables: VariableSpace
    frames: int
    splits: Mapping[str, SplitFacts]
    source: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain types that `from_json` reads back."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "alignment": "effect", "meaning": MEANING}
        splits = {name: asdict(split) for name, split in self.splits.items()}
        known = {"variables": self.variables.to_json(), "frames_per_observation": self.frames}
        return {**head, **known, "splits": splits, "source": dict(self.source)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Facts:
        """The facts that `to_json` wrote; `ValueError`, or `KeyError` and the like, if they are damaged."""
        version, must = stored["format_version"], f"an integer from 1 to {FORMAT_VERSION}"
        known = type(version) is int and 1 <= version <= FORMAT_VERSION
        checks.require(known, f"'format_version' of the key '{KEY}'", must, checks.quoted(version), "update trisect")
        splits = {str(name): SplitFacts(**split) for name, split in stored["splits"].items()}
        frames = checks.positive_int(stored["frames_per_observation"], "the number of frames in an observation")
        return cls(VariableSpace.from_json(stored["variables"]), frames, splits, dict(stored["source"]))


def facts_of(data: Dataset) -> Facts:
    """The facts about the recordings of a data set."""
    splits = {name: _split_facts(split) for name, split in data.items() if isinstance(split, Recording)}
    return Facts(data.variables, data.frames_per_observation, splits, data.source)


def _split_facts(split: Recording) -> SplitFacts:
    known = (split.factors is not None, split.actions is not None)
    return SplitFacts(len(split), split.num_episodes, split.observations.dtype.name, *known)
