"""trisect evaluate: the scores and the report of a run."""

from __future__ import annotations

from pathlib import Path

from trisect.commands.arguments import external_functions, parser_for


def run(arguments: list[str]) -> None:
    """Score a run and say it in a paragraph."""
    parser = parser_for("evaluate", "Score a run and write its report.")
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--data", type=Path, default=None, help="data set; by default the one it was trained on")
    parser.add_argument("--quick", action="store_true", help="leave out the long probe")
    for name in ("encoder", "decoder"):
        parser.add_argument(f"--{name}", help=f"package.module:Name of the {name} that the run was trained with")
    parser.add_argument("--causal-encoder", type=Path, help="folder of a causal encoder, to score triplets by")
    args = parser.parse_args(arguments)
    from trisect.runs.scoring import evaluate

    options = external_functions(vars(args))
    if args.causal_encoder is not None:
        options["causal_encoder"] = args.causal_encoder
    report = evaluate(args.run, args.data, quick=args.quick, **options)
    print(report["paragraph"])
    print(f"report: {args.run / 'report.html'}")
