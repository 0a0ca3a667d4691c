"""Dependence of the targets of different variables."""

from __future__ import annotations

import numpy as np
from scipy import stats

from trisect.data.inspect.findings import Finding
from trisect.data.inspect.structure import Structure
from trisect.data.inspect.wording import listed

PHI = 0.1
PHI_CHANCE = 1e-3
EXPECTED = 5.0


def dependence(structure: Structure, lag: np.ndarray) -> list[Finding]:
    """A note about the pairs of dependent columns: |phi| above `PHI` and below 1, and a significant chi-square.

    The chi-square test is corrected for the number of pairs (Bonferroni) and used only if every expected count is at
    least `EXPECTED`. It assumes N (1 - r s) / (1 + r s) independent rows for lag correlations r and s (Bartlett, 1935).

    Args:
        structure: structure of the targets of N steps.
        lag: (K,) lag correlation of each column, see `trisect.data.durations.lag_correlation`.
    """
    columns = structure.varying
    phi, smallest = _phi(structure)
    carried = np.clip(np.outer(lag[columns], lag[columns]), 0, 1 - 1e-9)
    independent = (1 - carried) / (1 + carried)
    limit = stats.chi2.isf(PHI_CHANCE / max(len(columns) * (len(columns) - 1) / 2, 1), 1)
    strong = (abs(phi) > PHI) & (structure.num_rows * independent * phi**2 > limit)
    strong &= (smallest * independent >= EXPECTED) & (abs(phi) < 1 - 1e-9)
    pairs = sorted(np.argwhere(np.triu(strong, 1)).tolist(), key=lambda pair: -abs(phi[tuple(pair)]))
    if not pairs:
        return []
    names = [structure.named([columns[i], columns[j]]) for i, j in pairs]
    single = bool((structure.table.seen.sum(axis=1) <= 1).all())
    return [
        Finding(
            "note",
            "dependent-targets",
            "interventions on different variables are dependent"
            + (", as expected if a step intervenes on at most one variable" if single else ""),
            "correlation (phi): " + listed([f"{a} and {b} {phi[i, j]:.2f}" for (a, b), (i, j) in zip(names, pairs)]),
            "one target predicts another to some extent, even without any latent",
            "keep the target classifier's base rates conditional (--classifier.conditional true)",
            tuple(dict.fromkeys(name for pair in names for name in pair)),
        )
    ]


def _phi(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    """Phi and the smallest expected count of every pair of varying columns, (V, V) each."""
    total = max(structure.num_rows, 1)
    rates = structure.table.ones[structure.varying] / total
    both = structure.table.pair_counts()[np.ix_(structure.varying, structure.varying)] / total
    spread = np.sqrt(rates * (1 - rates))
    rarer = np.minimum(rates, 1 - rates)
    return (both - np.outer(rates, rates)) / np.outer(spread, spread), total * np.outer(rarer, rarer)
