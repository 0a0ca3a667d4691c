"""trisect import: a checkpoint of the published code as a run folder."""

from __future__ import annotations

from pathlib import Path

from trisect.commands.arguments import parser_for


def run(arguments: list[str]) -> None:
    """Import a checkpoint, and describe the model."""
    parser = parser_for("import", "Import a checkpoint of the published code (CITRIS-VAE, CITRIS-NF, causal encoder).")
    parser.add_argument("checkpoint", type=Path, help=".ckpt file; it is read without executing any code in it")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="run folder to make")
    variables = "names of the model's variables in your data, in the order of the model"
    parser.add_argument("--variables", metavar="A,B,...", help=variables)
    args = parser.parse_args(arguments)
    from trisect.models.causal_encoder import CausalEncoder
    from trisect.runs.import_checkpoint import import_checkpoint

    names = None if args.variables is None else args.variables.split(",")
    model = import_checkpoint(args.checkpoint, args.out, names).model
    if isinstance(model, CausalEncoder):
        print(f"{args.out}: causal encoder of {', '.join(factor.name for factor in model.factors)}")
        return
    counts = model.assignment().sum(dim=0).int().tolist()
    slots = ", ".join(f"{name} {count}" for name, count in zip(model.slot_names, counts))
    print(f"{args.out}: {len(model.probs())} latents in slots {slots}")
    print(f"next: trisect evaluate {args.out} --data FOLDER")
