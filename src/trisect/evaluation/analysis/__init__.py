"""Looking at a model: what each latent moves, and which latents move with a variable; as numbers and as figures."""

from trisect.evaluation.analysis.changes import Changes, Moves, changes_along, changes_of, moves_of
from trisect.evaluation.analysis.traversal import (
    Traversal,
    Traversals,
    checked_reference,
    decoded_at_rest,
    encoded_frame,
    slots_of,
    traversals,
    with_latent,
)

__all__ = [
    "Changes",
    "Moves",
    "Traversal",
    "Traversals",
    "changes_along",
    "changes_of",
    "checked_reference",
    "decoded_at_rest",
    "encoded_frame",
    "moves_of",
    "slots_of",
    "traversals",
    "with_latent",
]
