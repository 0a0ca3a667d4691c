from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    *("torch", "numpy", "scipy", "pytorch_lightning", "matplotlib", "numba", "jaxtyping"),
    *("onnx", "onnxscript", "onnxruntime", "gymnasium"),
)


def loaded_after(code: str) -> list[str]:
    """The heavy packages that a fresh interpreter has loaded after some code."""
    tail = f"\nimport sys, json; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    result = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    loaded: list[str] = json.loads(result.stdout.splitlines()[-1])
    return loaded


def test_import_is_light() -> None:
    assert loaded_after("import trisect; trisect.__version__; dir(trisect)") == []


def test_listing_pretrained_models_needs_no_torch() -> None:
    assert loaded_after("import trisect.models") == []
    assert loaded_after("import trisect; m = trisect.models; assert m.card(m.available()[0])") == ["numpy"]


def test_the_probe_itself_sees_heavy_packages() -> None:
    assert loaded_after("import trisect.checks") == ["numpy"]


@pytest.mark.parametrize("module", ["checks", "variables", "interventions", "graph"])
def test_the_vocabulary_of_data_needs_no_torch(module: str) -> None:
    assert "torch" not in loaded_after(f"import trisect.{module}")


def test_help_is_light() -> None:
    run = "import sys; sys.argv = ['trisect', '--help']\nfrom trisect.cli import main\n"
    guarded = run + "try:\n    code = main()\nexcept SystemExit as stop:\n    code = stop.code\nassert not code, code"
    assert "torch" not in loaded_after(guarded)


def test_what_writes_and_reads_exports_needs_no_onnx() -> None:
    modules = "import trisect.runs.export.writing, trisect.runs.export.reading"
    assert not {"onnx", "onnxscript", "onnxruntime"} & set(loaded_after(modules))


def test_recording_needs_gymnasium_for_ids_and_worlds_only() -> None:
    made = "trisect.data.recorder.Recorder(list, {'a': max})"
    assert "gymnasium" not in loaded_after(f"import trisect.data.recorder, trisect.worlds.gymnasium_world; {made}")


def test_unknown_names_are_attribute_errors() -> None:
    import trisect

    with pytest.raises(AttributeError, match="module 'trisect' has no attribute 'trane'"):
        trisect.trane  # noqa: B018
