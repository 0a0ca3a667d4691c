"""trisect evaluate: the scores and the report of a run."""

from __future__ import annotations

from pathlib import Path

from trisect.commands.arguments import add_external_functions, external_functions, parser_for


def run(arguments: list[str]) -> None:
    """Score a run and print the scores in a paragraph."""
    what = "Score a run and write report.json and report.html into its folder."
    parser = parser_for("evaluate", what)
    parser.add_argument("run", type=Path, help="run folder that trisect train or trisect import made")
    data = "folder of the data set to score on; by default the data that the run was trained on"
    parser.add_argument("--data", type=Path, default=None, metavar="FOLDER", help=data)
    parser.add_argument("--quick", action="store_true", help="leave out what takes longest")
    add_external_functions(parser)
    scorer = "folder of a trained causal encoder, which scores each variable of the test triplets"
    parser.add_argument("--causal-encoder", type=Path, metavar="FOLDER", help=scorer)
    args = parser.parse_args(arguments)
    from trisect.runs.scoring import evaluate

    options = external_functions(vars(args))
    if args.causal_encoder is not None:
        options["causal_encoder"] = args.causal_encoder
    report = evaluate(args.run, args.data, quick=args.quick, **options)
    print(report["paragraph"])
    print(f"report: {args.run / 'report.html'}")
