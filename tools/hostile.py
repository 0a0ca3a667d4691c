"""Try hostile files at every door, and print how many were survived.

python tools/hostile.py [--all]     all flipped bits and mutations, some minutes; without it those of every test run
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from tests.hostile import samples  # noqa: E402
from tests.hostile.attacks import ALL, FEW, SURVIVED, outcomes, table  # noqa: E402


def main() -> int:
    """Returns 1 if an attack was not survived."""
    with tempfile.TemporaryDirectory() as folder:
        number, every = ALL if "--all" in sys.argv else FEW
        found = outcomes(samples.make(Path(folder)), number, every, 3600)
    lost = [each for each in found if each["outcome"] not in SURVIVED]
    for each in lost:
        print(f"{each['kind']}: {each['name']}: {each['outcome']}: {each['message']}")
    print(table(found))
    slowest = max(found, key=lambda each: each["seconds"])
    largest = max(found, key=lambda each: each.get("megabytes", 0))
    print(f"largest: {largest['kind']}: {largest['name']}, {largest.get('megabytes')} MB")
    print(f"slowest: {slowest['kind']}: {slowest['name']}, {slowest['seconds']} s")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
