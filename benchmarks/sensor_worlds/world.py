"""Settings of a sensor world; the tables of the package say what the names mean."""

from __future__ import annotations

from dataclasses import dataclass

from trisect import checks

KINDS = ("grow", "shrink", "shift", "fix", "hold", "rule")
POLICIES = ("single", "independent", "grouped", "held", "half", "few")
MIXINGS = ("linear", "smooth")
FAULTS = ("", "dead", "thermostat", "twins", "coupled", "shuffled", "late")


@dataclass(frozen=True)
class SensorWorld:
    """Settings of a world; the module's tables say what they mean.

    Attributes:
        kind, policy, mixing, fault: names in the tables of the package.
        memory: coefficient of a variable on itself, .9 or 0.
        seed: seed of the mechanisms and of the mixing, not of the samples.
        strength: how strong the interventions are; 1 is the table's effect, 0 is none.
        num_interventions: of each variable under the policy "few".
        num_variables, num_nuisance: K, at least 2, and the number of nuisance values.

    Raises:
        ValueError: a name is in no table.
    """

    kind: str = "grow"
    policy: str = "single"
    mixing: str = "linear"
    memory: float = 0.9
    seed: int = 0
    fault: str = ""
    strength: float = 1.0
    num_interventions: int = 100
    num_variables: int = 5
    num_nuisance: int = 8

    def __post_init__(self) -> None:
        tables = {"kind": KINDS, "policy": POLICIES, "mixing": MIXINGS, "fault": FAULTS}
        for name, known in tables.items():
            checks.one_of(getattr(self, name), known, f"the {name} of a sensor world")
