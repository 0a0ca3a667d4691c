"""Directions: along which an intervention on a variable changes the residual's distribution most.

Along a direction v, an intervention on variable i turns a Gaussian of variance s = v' D v into one of variance
s + v' A_i v, whose mean is moved by v' G_i' phi (see `trisect.models.closed_form.effects`). With

    l = 1 + v' A_i v / s    and    q = E[(v' G_i' phi)^2 | I_i = 1] / s,

twice the Kullback-Leibler divergence between the two, averaged over the states z^t, is

    l - 1 - log l + q.

It is 0 where nothing changes, and large where noise grows (l > 1), where it shrinks (l < 1), and where the mean moves,
whatever the kind of intervention. It is a convex function of quadratic forms in v. So its tangent at the current v, a
quadratic form with the matrix (1 - 1 / l) A_i + E[G_i' phi phi' G_i], lies below it, and the leading eigenvector of
that matrix has a larger divergence (minorise and maximise; Hunter & Lange, 2004). A few such steps, from the extreme
eigenvectors of A_i and of the mean's effect, find the direction that maximises it; then the one that maximises it in
the complement, and so on.

D is not the covariance C without interventions alone, but C + sum_{j != i} w(F_j), in units in which C is the identity.
F_j = |A_j| + Q_j is the size of the effects of another intervention, with Q_j the second moment of its effect on the
mean. So a direction that another intervention moves as well has a small divergence. In a linear code the same
directions result as with D = C; in a nonlinear code, whose effects spread over several directions, this keeps the
variables apart. w is a function of the eigenvalues f of F_j. Those that noise explains count as 0. The weight w(f) / f
of the others is 1 up to the size of the noise, f = 1, and falls to 1 / 2 from f = 4 on.

How many directions a variable has follows from the largest fall of the divergence from one direction to the next, if
no least number is asked for.

Source: this library. For growing noise alone, the problem is that of common spatial patterns (Blankertz et al., 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trisect.models.closed_form.effects import EffectSums, Estimates

MOST_DIRECTIONS = 6
"""Largest number of directions of one variable."""
NEGLIGIBLE = 0.1
"""A divergence that counts as none when falls are compared, in nats."""
NOISE = 2.5
"""Spectral radius of a random symmetric matrix in units of the median size of its eigenvalues (Wigner, 1955)."""
SHALLOW = 1e-4
"""Smallest variance without interventions, as a share of the largest one."""
LEAST_RATIO = 1e-3
"""Smallest ratio of variances down to which l - 1 - log l is computed; below, it goes on as a straight line."""
MOST_STEPS, STILL = 100, 1e-10
"""Largest number of steps to a maximum, and the change of direction, 1 - cosine, after which they end."""


@dataclass(frozen=True)
class Contrast:
    """One variable's effects in a basis in which D is the identity.

    Attributes:
        basis: (L, M), columns are the basis: v = basis @ u.
        covariance: A_i, (M, M).
        mean: Q_i, (M, M), the second moment of the mean's effect; only approximately without negative eigenvalues.
        least: ratios of variances below this may be noise; the divergence grows linearly below it.
    """

    basis: np.ndarray
    covariance: np.ndarray
    mean: np.ndarray
    least: float

    def divergence(self, u: np.ndarray) -> float:
        """Twice the divergence along u (M,)."""
        norm = float(u @ u)
        growth, shift = float(u @ self.covariance @ u) / norm, float(u @ self.mean @ u) / norm
        kept = max(1 + growth, self.least)
        beyond = self._slope(growth) * min(1 + growth - self.least, 0.0)
        return kept - 1 - float(np.log(kept)) + beyond + shift

    def _slope(self, growth: float) -> float:
        """Derivative of l - 1 - log l at l = 1 + growth; below the least ratio it goes on as a straight line."""
        return 1 - 1 / max(1 + growth, self.least)

    def within(self, basis: np.ndarray) -> Contrast:
        """The same effects in an orthonormal basis (M, m) of a part of the space."""
        covariance, mean = (basis.T @ each @ basis for each in (self.covariance, self.mean))
        return Contrast(self.basis @ basis, covariance, mean, self.least)

    def best(self, starts: np.ndarray | None = None) -> np.ndarray:
        """The direction u (M,) of the largest divergence, of length 1; ``starts`` (M, s) instead of eigenvectors."""
        if starts is None:
            of_noise, of_mean = np.linalg.eigh(self.covariance)[1], np.linalg.eigh(self.mean)[1]
            starts = np.column_stack([of_noise[:, [0, -1]], of_mean[:, -1]])
        found = [self._climbed(start / np.linalg.norm(start)) for start in starts.T]
        return max(found, key=self.divergence)

    def _climbed(self, u: np.ndarray) -> np.ndarray:
        """The maximum that steps from u lead to; every step maximises the tangent, which is a quadratic form."""
        for _ in range(MOST_STEPS):
            slope = self._slope(float(u @ self.covariance @ u))
            step = np.linalg.eigh(slope * self.covariance + self.mean)[1][:, -1]
            moved, u = 1 - abs(float(step @ u)), step
            if moved < STILL:
                break
        return u


@dataclass(frozen=True)
class Directions:
    """Directions of one variable, of falling divergence.

    Attributes:
        vectors: (L, n), columns of variance 1 under D.
        divergences: (n,), twice the divergence along each, in nats.
    """

    vectors: np.ndarray
    divergences: np.ndarray

    def first(self, number: int) -> Directions:
        """The first directions."""
        return Directions(self.vectors[:, :number], self.divergences[:number])

    def up_to_gap(self, least: int = 1) -> Directions:
        """The directions before the largest fall of the divergence, see `number_by_gap`, and at least so many."""
        return self.first(max(least, number_by_gap(self.divergences)))


def contrasts(sums: EffectSums | Estimates, steady: np.ndarray | None = None) -> list[Contrast]:
    """Every variable's contrast.

    Args:
        sums: sums of the effects; their halves tell how large noise is.
        steady: (L, L), or (K, L, L), one for each variable, added to D; by default nothing. With a multiple of the
            latents' covariance, or of that of their steps, a direction with a slightly smaller divergence is preferred
            if it varies less for other reasons. Few transitions do not determine a direction without it, if the past
            predicts some latents almost fully.
    """
    whole, (one, other) = sums.whole, sums.halves
    means = [_mean_effect(*pair) for pair in zip(one.mean, other.mean, whole.inputs)]
    white = _inverse_root(_positive(whole.base))
    sizes = [
        _size(white @ (a + b) @ white / 2, white @ (a - b) @ white / 2, white @ mean @ white)
        for a, b, mean in zip(one.covariance, other.covariance, means)
    ]
    total, eyes = sum(sizes), _with_steady(white, steady, len(sizes))
    counts = sums.counts.sum(axis=0)
    found = []
    for eye, size, change, mean, count in zip(eyes, sizes, whole.covariance, means, counts):
        basis = white @ _inverse_root(eye + total - size)
        least = float(np.clip(len(white) / max(count, 1.0), LEAST_RATIO, 0.9))
        found.append(Contrast(basis, basis.T @ change @ basis, basis.T @ mean @ basis, least))
    return found


def _with_steady(white: np.ndarray, steady: np.ndarray | None, number: int) -> list[np.ndarray]:
    """The identity, which is C in the basis ``white``, and what is added to it for each of the variables."""
    added = np.zeros(1) if steady is None else white @ steady @ white
    return list(np.broadcast_to(np.eye(len(white)) + added, (number, *white.shape)))


def directions_of(contrast: Contrast, number: int, near: np.ndarray | None = None) -> Directions:
    """The first directions of a contrast, each the best one in the complement of those before.

    Args:
        contrast: the contrast.
        number: how many; at most as many as there are dimensions.
        near: (L, number) directions to start from, instead of eigenvectors.
    """
    vectors, divergences, rest = [], [], np.eye(len(contrast.covariance))
    for column in range(min(number, len(rest))):
        part = contrast.within(rest)
        starts = None if near is None else np.linalg.lstsq(part.basis, near[:, [column]], rcond=None)[0]
        best = part.best(starts)
        vectors.append(part.basis @ best)
        divergences.append(part.divergence(best))
        rest = rest @ _complement(best)
    return Directions(np.stack(vectors, axis=1), np.array(divergences))


def number_by_gap(divergences: np.ndarray) -> int:
    """The number of directions before the largest fall of the divergence (n,), at least 1.

    Example:
        >>> number_by_gap(np.array([22.0, 13.9, 0.22, 0.11])), number_by_gap(np.array([451.0, 4.9, 1.6, 1.2]))
        (2, 1)
    """
    if len(divergences) == 1:
        return 1
    levels = np.maximum(divergences, NEGLIGIBLE)
    return 1 + int(np.argmax(levels[:-1] / levels[1:]))


def _mean_effect(one: np.ndarray, other: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Q_i (L, L), with one factor from each half, so that noise averages out instead of adding up."""
    product = one.T @ inputs @ other
    return np.asarray((product + product.T) / 2)


def _size(change: np.ndarray, noise: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """w(F_j), the size of an effect without eigenvalues that noise explains."""
    size = _beyond(change, _radius(noise), np.abs) + _beyond(mean, _radius(mean), np.positive)
    return _of_eigenvalues(size, lambda f: np.maximum(np.minimum(f, np.sqrt(np.maximum(f, 0.0))), f / 2))


def _radius(matrix: np.ndarray) -> float:
    """Spectral radius of a random symmetric matrix, robustly from its median eigenvalue.

    The median of two would be their mean, and hide any effect along one direction; so it is the smaller of two.
    """
    sizes = np.abs(np.linalg.eigvalsh(matrix))
    return NOISE * float(sizes.min() if len(sizes) == 2 else np.median(sizes))


def _beyond(matrix: np.ndarray, radius: float, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The part of a symmetric matrix whose eigenvalues, sized by ``of``, exceed a radius, less the radius."""
    return _of_eigenvalues(matrix, lambda values: np.maximum(of(values) - radius, 0.0))


def _positive(matrix: np.ndarray) -> np.ndarray:
    """The covariance with eigenvalues of at least `SHALLOW` of the largest one."""
    return _of_eigenvalues(matrix, lambda values: np.maximum(values, max(SHALLOW * values[-1], 1e-300)))


def _inverse_root(matrix: np.ndarray) -> np.ndarray:
    return _of_eigenvalues(matrix, lambda values: 1 / np.sqrt(np.maximum(values, 1e-300)))


def _of_eigenvalues(matrix: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A function of a symmetric matrix, given that of its eigenvalues, which rise."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * of(values)) @ vectors.T)


def _complement(vector: np.ndarray) -> np.ndarray:
    """An orthonormal basis (M, M - 1) of what is orthogonal to a vector of length 1 (Householder)."""
    axis = int(np.argmax(np.abs(vector)))
    mirror = vector.copy()
    mirror[axis] += np.copysign(1.0, vector[axis])
    reflection = np.eye(len(vector)) - 2 * np.outer(mirror, mirror) / (mirror @ mirror)
    return np.delete(reflection, axis, axis=1)
