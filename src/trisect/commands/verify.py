"""trisect verify: checks that no byte of a folder has changed."""

from __future__ import annotations

from pathlib import Path

from trisect.commands.arguments import parser_for


def run(arguments: list[str]) -> int:
    """Verify a folder, print what was found, and return 1 if a file is damaged."""
    what = "Read every byte of a data set, a run or an exported model, and check that nothing has changed."
    parser = parser_for("verify", what)
    parser.add_argument("path", type=Path, help="folder that a verb of trisect made, or a single file of it")
    args = parser.parse_args(arguments)
    from trisect.runs.verify import verify

    verification = verify(args.path)
    print(verification)
    return 1 if verification.damaged else 0
