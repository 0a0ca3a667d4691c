"""``python -m tests.faults``: the whole suite; prints the table, and exits with 1 if anything was lost or silent.

The results go to a file, one line per attack, so that it can be stopped and continued.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.processes import Processes
from tests.faults.suite import FULL, Results, all_attacks, attack_all, table
from tests.faults.verbs import Stage


def main() -> int:
    """Run the attacks that the results do not hold yet."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("build/faults.jsonl"), help="file of results")
    parser.add_argument("--only", default="", help="only attacks whose name contains this text")
    parser.add_argument("--share", default="1/1", metavar="K/N", help="only every N-th attack, beginning with the K-th")
    args = parser.parse_args()
    args.results.parent.mkdir(parents=True, exist_ok=True)
    first, every = map(int, args.share.split("/"))
    results, processes = Results(args.results), Processes()
    with tempfile.TemporaryDirectory(prefix="faults-") as base:
        attacks = [attack for attack in all_attacks(Stage(Path(base), processes), FULL) if args.only in attack.key]
        attack_all(attacks[first - 1 :: every], results, lambda text: print(text, file=sys.stderr, flush=True))
    processes.close()
    print("\n".join(table(list(results.done.values()))))
    return int(any(result.problem for result in results.done.values()))


if __name__ == "__main__":
    sys.exit(main())
