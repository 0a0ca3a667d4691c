from __future__ import annotations

from pathlib import Path

import pytest
from tests.hostile.text_attacks import YAML

from trisect.checks import UsageError
from trisect.commands.config_file import LARGEST, check_configs

PARSED_LATER = {"unknown key", "text for a number", "list for a number", "number for a group", "huge count", "infinity"}
PARSED_LATER |= {"many keys", "NaN", "date", "null", "merge", "unknown alias"}
"""Files that are plain YAML; the recipe refuses what they say."""


def check(text: str | bytes, folder: Path) -> None:
    (folder / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    check_configs(["--seed", "1", "--config", str(folder / "a.yaml"), "--out", "x"])
    check_configs([f"--config={folder / 'a.yaml'}"])


@pytest.mark.parametrize(
    "text",
    [
        "seed: 3\n",
        "flow:\n  num_blocks: 2\nflow_training: {steps: 5, betas: [0.9, 0.99]}\n",
        "autoencoder_training: &training\n  steps: 5\nflow_training: *training\n",
        "# a comment\n---\nseed: 3\n",
    ],
)
def test_plain_files_pass(text, tmp_path) -> None:
    check(text, tmp_path)


def test_a_text_in_place_of_a_file_is_checked_too() -> None:
    check_configs(["--config", "{seed: 3}"])
    with pytest.raises(
        UsageError, match="the text of --config must be one that sets each option once; got 'seed' twice"
    ):
        check_configs(["--config", "{seed: 3, seed: 4}"])


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="the file 'none.yaml' of --config must be there; got no such file"):
        check_configs(["--config", "none.yaml"])


@pytest.mark.parametrize("name", sorted({*YAML} - PARSED_LATER))
def test_other_files_are_refused_in_one_sentence(name, tmp_path) -> None:
    with pytest.raises(UsageError, match="a.yaml' of --config must be .*; got ") as caught:
        check(YAML[name], tmp_path)
    assert len(str(caught.value).replace(str(tmp_path), "")) < 400 and str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]\n", "must be without values that contain themselves; got one that does"),
        (YAML["aliases of aliases"], "must be one with at most 20 aliases; got more; write the values out"),
        ("a: " + "[" * 100, "must be at most 10 levels deep; got a deeper one"),
        (
            "a: !!python/name:os.system\n",
            "must be without tags; got tag:yaml.org,2002:python/name:os.system; remo",
        ),
        ("#" * (LARGEST + 1), f"must be at most {LARGEST} bytes; got {LARGEST + 1}; keep only the options"),
        ("- 1\n", "must be a mapping of options, such as seed: 1; got sequence"),
        (
            "seed: [1\nflow: }",
            "must be YAML; got expected ',' or ']', but got ':' in line 2; write one option",
        ),
    ],
)
def test_the_sentence_says_what_is_wrong(text, message, tmp_path) -> None:
    with pytest.raises(UsageError) as caught:
        check(text, tmp_path)
    assert message in str(caught.value)
