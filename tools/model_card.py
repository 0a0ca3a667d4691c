"""The card of a trained model: what it takes, what it was trained on and how, its scores, limits and licence."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reproduction import commands

from trisect.data import Dataset
from trisect.evaluation.suite import EvaluationSettings
from trisect.runs.run import Run
from trisect.variables import Angle

WIDTH = 100
NOTHING = 0.1
"""R2 up to which latents do not contain a variable."""
MEANS = {
    "diag": "`diag`: each targeted variable from its own slot; best is 1",
    "sep_slots": "`sep_slots`: largest score of another variable from a variable's slot; best is 0",
    "sep_variables": "`sep_variables`: largest score of a variable from another slot, without noise; best is 0",
}


def card(
    name: str, run: Run, described: Mapping[str, Any], data: Dataset, autoencoder_data: Dataset | None = None
) -> str:
    """The card as Markdown.

    Args:
        name: name of the model, for `trisect.models.pretrained`.
        run: finished and evaluated run, on generated data.
        described: the content of its exported ``model.json``.
        data: the data set that it was trained on.
        autoencoder_data: the data set that its autoencoder was trained on, if the run reuses one.
    """
    parts = (
        _head(name, described, data),
        _meaning(described),
        _training(name, run, data, autoencoder_data),
        _scores(described["scores"], data),
        _limits(described, data),
        _licence(),
    )
    return "\n\n".join(block for part in parts for block in part) + "\n"


def _head(name: str, described: Mapping[str, Any], data: Dataset) -> Iterator[str]:
    world = data.source["world"]
    yield f"# The pretrained model `{name}`"
    yield _text(
        f"A model of the world `{world['name']}` (version {world['version']} of the world) by the method",
        f"{described['method']}, trained by trisect {described['trisect_version']} on frames and the record of",
        "interventions only: it saw no values of variables.",
    )
    yield _code(
        "python",
        "import trisect",
        "",
        f'model = trisect.models.pretrained("{name}")',
        f"z = model.encode(frames)  # (N, {described['num_latents']})",
        f'model.slots(z)["{described["targeted"][0]}"]  # the latents of one variable',
    )


def _meaning(described: Mapping[str, Any]) -> Iterator[str]:
    observations, num_latents = described["observations"], described["num_latents"]
    shape = ", ".join(str(size) for size in observations["shape"])
    yield "## What it takes and gives"
    if observations["kind"] == "frames":
        at_rest = ", ".join(str(size) for size in observations["at_rest"]["shape"])
        yield _text(f"Frames: arrays (N, {at_rest}) uint8 as stored, or tensors (N, {shape}) float32 in [-1, 1].")
    else:
        yield _text(f"Vectors (N, {shape}) float32.")
    yield _text(f"{num_latents} latents, each in one slot; the noise slot contains what no intervention changes:")
    yield _table(("slot", "latents"), ((f"`{slot}`", _listed(latents)) for slot, latents in described["slots"].items()))


def _training(name: str, run: Run, data: Dataset, autoencoder_data: Dataset | None) -> Iterator[str]:
    yield "## Trained on"
    hashes = f"The training and validation recordings have the SHA-256 `{run.data_hash}`"
    if run.reused is not None and autoencoder_data is not None:
        yield _text(f"Autoencoder: {_recording(autoencoder_data)}. Everything else: {_recording(data)}.")
        hashes += f", and those of the autoencoder `{run.reused['data']['hash']}`"
    else:
        yield _text(f"{_recording(data)}.")
    yield _text(
        f"Training with seed {run.recipe.seed} took {run.cost.cpu_seconds:.0f} CPU-seconds in total{_on_gpus(run)}.",
        "To train the model again:",
    )
    yield _code("sh", *commands(name, run, data, autoencoder_data))
    yield _text(
        f"{hashes}. Machines and versions of PyTorch round differently, so a repetition does not give the same weights",
        "bit for bit.",
    )


def _on_gpus(run: Run) -> str:
    """The seconds of each stage that ran on a GPU."""
    on_gpus = {name: stage for name, stage in run.history.items() if stage.get("device", "") not in ("", "cpu")}
    return "".join(f"; its {n} took {s['wall_seconds']:.0f} seconds on one {s['device']}" for n, s in on_gpus.items())


def _recording(data: Dataset) -> str:
    train, world, seed = data.recording("train"), data.source["world"], data.source["seed"]
    settings = f"settings {json.dumps(world['settings'])}" if world["settings"] else "which has no settings"
    return (
        f"{len(train):,} frames of `{world['name']}` ({settings}), seed {seed}, in episodes of "
        f"{max(train.episode_lengths)} frames, with interventions on {', '.join(data.targeted)}"
    )


def _scores(scores: Mapping[str, Any], data: Dataset) -> Iterator[str]:
    r2, rank = scores["r2"], scores["spearman"]
    num_frames = min(len(data["test_indep"]), EvaluationSettings().max_samples)
    yield "## Scores"
    yield _text(
        f"On {num_frames:,} frames whose variables are independent of each other: one half trains the probe",
        f"`{scores['probe']}` per slot, and the other half is scored by the R2 of each variable (column), predicted",
        "from each slot (row). 1 is perfect, 0 is no better than a constant.",
    )
    yield _matrix("R2", r2)
    rows = ((what, _number(r2[key], 4), _number(rank[key], 4)) for key, what in MEANS.items())
    yield _table(("means", "R2", "Spearman"), rows)
    if r2["excluded"] or rank["excluded"]:
        yield "\n".join(_unscored(r2["excluded"], rank["excluded"]))
    yield from _beside(scores)
    yield from _label_free(scores["label_free"])
    yield from _triplets(scores["triplets"])


def _unscored(r2: Mapping[str, str], rank: Mapping[str, str]) -> Iterator[str]:
    for name, why in r2.items():
        yield f"- No R2 for {name}: {why}."
    for name, why in rank.items():
        if name not in r2:
            yield f"- No Spearman for {name}: {why}."


def _beside(scores: Mapping[str, Any]) -> Iterator[str]:
    """Baselines and chance."""
    baselines = {name: each["r2"] for name, each in scores["baselines"].items() if each is not None}
    keys = ("diag", "sep_slots", "sep_variables")
    rows = [(name, *(_number(r2[key]) for key in keys)) for name, r2 in baselines.items()]
    rows.append(("these latents assigned to slots at random", _number(scores["chance"]["r2"]), "", ""))
    yield _text("Baselines, in R2 with a faster probe (for random assignments, the 95th percentile):")
    yield _table(("baseline", "`diag`", "`sep_slots`", "`sep_variables`"), rows)


def _label_free(scores: Mapping[str, Any]) -> Iterator[str]:
    yield _text(
        "Without labels: how well a new classifier predicts, from the previous frame and a slot (row), whether a",
        "variable (column) was intervened on. On average, a slot predicts its own interventions with AUROC",
        f"{_number(scores['diag'])} (best is 1), and those of other variables with AUROC",
        f"{_number(scores['off_diag'])} (best is 0.5).",
    )
    yield _matrix("AUROC", scores)


def _triplets(scores: Mapping[str, Any] | None) -> Iterator[str]:
    if scores is None:
        return
    yield _text(
        "Triplets: slots of two frames are mixed, decoded and compared with the true third frame, on",
        f"{scores['num_triplets']:,} held-out triplets. Smaller is better; the oracle decodes the latents of the third",
        "frame itself.",
    )
    head, keys, rows = ["mixed by", "in grey levels of 255", "in latents' deviations"], ["observation", "latents"], []
    if any(row["mean"] is not None for row in scores["rows"].values()):
        yield _text(
            "The last column is the mean distance of the variables, in half ranges and half turns, as predicted from",
            "the frames by a causal encoder: a network only for evaluation, trained with the values of variables.",
        )
        head, keys = [*head, "by causal encoder"], [*keys, "mean"]
    for name, row in scores["rows"].items():
        rows.append((name, *(_number(row[key]) for key in keys)))
    yield _table(head, rows)


def _limits(described: Mapping[str, Any], data: Dataset) -> Iterator[str]:
    limits = _known_limits(described["scores"], described["slots"], data)
    yield "## Limits"
    yield "\n".join(textwrap.fill(f"- {limit}", WIDTH, subsequent_indent="  ") for limit in limits)


def _known_limits(scores: Mapping[str, Any], slots: Mapping[str, Sequence[int]], data: Dataset) -> Iterator[str]:
    yield (
        f"It works on frames as `{data.source['world']['name']}` draws them, with this size and these channels. For "
        "other frames the latents mean nothing, and there is no warning."
    )
    r2, verdicts = scores["r2"], scores["verdicts"]
    never = [name for name in r2["columns"] if name not in r2["rows"]]
    if never:
        yield f"Never intervened on, so they cannot be identified: {', '.join(never)}."
    missing = list(_missing(never, scores))
    if missing:
        yield f"The latents do not contain {' and '.join(missing)}, so decoded frames do not show their values."
    for name in r2["rows"][:-1]:
        if verdicts.get(name, "identified") != "identified":
            yield f"{name} is {verdicts[name]}."
    for slot, row in zip(r2["rows"][:-1], r2["matrix"], strict=False):
        scored = zip(r2["columns"], row, strict=True)
        leaks = [f"{name} (R2 {_number(value)})" for name, value in scored if name != slot and (value or 0) > NOTHING]
        if leaks:
            yield f"The slot of {slot} also predicts {', '.join(leaks)}."
    angles = [factor.name for factor in data.variables.factors if isinstance(factor, Angle)]
    curves = [name for name in angles if len(slots.get(name, ())) > 1]
    bent = f", and {', '.join(curves)} as a closed curve" if curves else ""
    yield f"A slot contains its variable up to a smooth change of scale{bent}: fit a probe to get its values."
    for name in angles:
        if len(slots.get(name, ())) == 1:
            yield f"One latent cannot represent the whole angle {name}, which is a circle."
    yield "These are the scores of this one model; other seeds of the same recipe have other scores."
    yield from scores["warnings"]


def _missing(names: Iterable[str], scores: Mapping[str, Any]) -> Iterator[str]:
    """Variables that all latents together do not predict."""
    r2 = scores["baselines"]["all latents"]["r2"]
    by_name = dict(zip(r2["columns"], r2["matrix"][0], strict=True))
    yield from (name for name in names if by_name[name] is not None and by_name[name] <= NOTHING)


def _licence() -> Iterator[str]:
    yield "## Licence"
    yield _text("Apache-2.0, like trisect itself. The data came from a simulator and contain no work of others.")


def _text(*lines: str) -> str:
    return textwrap.fill(" ".join(lines), WIDTH, break_long_words=False, break_on_hyphens=False)


def _code(language: str, *lines: str) -> str:
    return "\n".join((f"```{language}", *lines, "```"))


def _matrix(corner: str, scores: Mapping[str, Any]) -> str:
    rows = ((f"`{name}`", *map(_number, row)) for name, row in zip(scores["rows"], scores["matrix"], strict=True))
    return _table((corner, *(f"`{name}`" for name in scores["columns"])), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of equal width, so that it reads as plain text too."""
    cells = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, digits: int = 3) -> str:
    """The value with this many decimals; a dash if it is undefined."""
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def _listed(numbers: Sequence[int]) -> str:
    """The numbers in words; more than two in a row as first to last."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(str(number) for number in numbers) or "none"
