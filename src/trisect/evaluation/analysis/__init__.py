"""Analysis of a model: what each latent changes, and which latents change with a variable; as numbers and figures."""

from trisect.evaluation.analysis.changes import Changes, Moves, changes_along, changes_of, moves_of
from trisect.evaluation.analysis.traversal import Traversal, Traversals, traversals

__all__ = ["Changes", "Moves", "Traversal", "Traversals", "changes_along", "changes_of", "moves_of", "traversals"]
