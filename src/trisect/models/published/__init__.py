"""Checkpoints of the published code (Lippe et al., 2022), read without executing anything in them."""

from __future__ import annotations

from trisect.models.published.load import load

__all__ = ["load"]
