"""Draw docs/demo.png from a demo's folder: some frames, their reconstructions, and what each slot predicts.

python tools/readme_picture.py demo
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import trisect
from trisect.evaluation.report import figures
from trisect.frames import float_to_frames


def main() -> None:
    """Read the demo's run and write the picture."""
    demo = Path(sys.argv[1])
    run, data = trisect.load_run(demo / "run"), trisect.load(demo / "data")
    test = data.recording("test")
    frames = np.array(test.observations[np.linspace(0, len(test) - 1, 8).astype(int)])
    decoded = float_to_frames(run.model.decode(run.model.encode(frames)).detach()).numpy()
    r2 = json.loads((demo / "run" / "report.json").read_text())["r2"]
    pictures = [
        figures.reconstruction_figure(frames, decoded),
        figures.matrix_figure(np.array(r2["matrix"], dtype=float), r2["rows"], r2["columns"]),
    ]
    Path("docs").mkdir(exist_ok=True)
    _side_by_side([Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]).save("docs/demo.png")


def _side_by_side(images: list[Image.Image]) -> Image.Image:
    height = max(image.height for image in images)
    canvas = Image.new("RGB", (sum(image.width for image in images) + 40, height), "white")
    left = 0
    for image in images:
        canvas.paste(image, (left, (height - image.height) // 2))
        left += image.width + 40
    return canvas


if __name__ == "__main__":
    main()
