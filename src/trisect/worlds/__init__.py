"""Worlds: simulators whose causal variables, graphs and intervention rules are known."""
