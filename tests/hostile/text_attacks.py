"""Hostile JSON, by mutation of every entry, and hostile YAML."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.hostile import doors
from tests.hostile.attack import Attack, cuts, flips, of_bytes

from trisect import sealed

GONE = object()
VALUES: tuple[Any, ...] = (
    GONE,
    None,
    True,
    -1,
    0,
    1.5,
    10**7,
    10**9,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x" * 100_000,
    "\x1b[31m\n\u202e\x00",
    "../../../etc/passwd",
    [],
    {},
    [1, 2, 3],
    ["x", "x"],
    {"a": {"b": {"c": []}}},
    [[[[[[[[]]]]]]]],
    [10**7, 10**7, 3],
    [10**9],
    {"num_latents": 10**9, "dims": 10**9},
)
TEXTS: dict[str, bytes] = {
    "empty": b"",
    "half": b'{"format": "trisect", ',
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "NaN": b"NaN",
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep and closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "digits": b'{"format_version": ' + b"9" * 10_000 + b"}",
    "a number of 1e999": b'{"format_version": 1e999}',
    "no UTF-8": b'{"format": "\xff\xfe"}',
    "UTF-16": '{"format": "trisect"}'.encode("utf-16"),
    "zero bytes": bytes(1000),
    "a mark": b"\xef\xbb\xbf{}",
    "one key twice": b'{"format": "trisect", "format": "trisect"}',
    "lone surrogate": b'{"format": "\\ud800"}',
    "many keys": b"{" + b",".join(b'"k%d": 0' % i for i in range(50_000)) + b"}",
    "an empty object": b"{}",
    "a pickle": b"\x80\x04N.",
    "a wrong seal": b'{"sealed": 1, "sha256": "0"}',
}
JSON_FILES = {
    "data/meta.json": doors.LOAD,
    "run/run.json": doors.RUN,
    "run/finished.json": doors.RUN,
    "export/model.json": doors.EXPORT,
}
REPEATED = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12))
YAML: dict[str, str | bytes] = {
    "aliases of aliases": "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + REPEATED,
    "itself": "seed: &a [*a]\n",
    "itself in itself": "flow: &a {num_blocks: *a}\n",
    "deep list": "seed: " + "[" * 30_000,
    "deep mapping": "seed: " + "{a: " * 5_000,
    "deep blocks": "".join(f"{' ' * i}a:\n" for i in range(300)),
    "Python object": "seed: !!python/object/apply:os.system ['true']\n",
    "Python name": "seed: !!python/name:os.system\n",
    "own tag": "seed: !mine 3\n",
    "directive": "%TAG ! tag:x,2000:\n--- !y\nseed: 3\n",
    "key twice": "seed: 1\nseed: 2\n",
    "inner key twice": "flow:\n  num_blocks: 2\n  num_blocks: 4\n",
    "large": "seed: 3\n" + "#" * 3_000_000,
    "large value": "seed: " + "9" * 5_000,
    "many keys": "".join(f"k{i}: 1\n" for i in range(3000)),
    "a list": "- 1\n- 2\n",
    "a text": "hello",
    "empty": "",
    "unclosed": "seed: [1\nflow: }",
    "two documents": "---\nseed: 1\n---\nseed: 2\n",
    "no UTF-8": b"\xff\xfe\x00",
    "control characters": "seed: \x1b[31m\n",
    "zero": "seed: \x00\n",
    "list as key": "? [1, 2]\n: 3\n",
    "unknown key": "sead: 3\n",
    "text for a number": "seed: abc\n",
    "list for a number": "seed: [1]\n",
    "number for a group": "flow: 3\n",
    "huge count": "flow:\n  num_blocks: -5\n",
    "infinity": "flow_training:\n  learning_rate: .inf\n",
    "NaN": "flow_training:\n  learning_rate: .nan\n",
    "date": "seed: 2001-01-01\n",
    "null": "flow_training: null\n",
    "merge": "seed: 3\nflow:\n  <<: {num_blocks: 2}\n",
    "unknown alias": "seed: *nobody\n",
    "tabs": "flow:\n\tnum_blocks: 2\n",
}


def paths_of(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places in nested objects and lists; of lists only the ends."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = [(i, value[i]) for i in sorted({0, len(value) - 1}) if value]
    for key, inner in items:
        yield (*prefix, key)
        yield from paths_of(inner, (*prefix, key))


def mutated(stored: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value in one place."""
    changed = copy.deepcopy(stored)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return changed


def _rewrite(path: Path, place: tuple[Any, ...], value: Any) -> None:
    """Write a mutation, sealed like the original: a stranger can seal too."""
    is_sealed, stored = sealed.is_sealed(path), sealed.read_json(path)
    changed = mutated(stored, place, value)
    if is_sealed:
        sealed.write_json(path, changed)
    else:
        path.write_text(json.dumps(changed))


def _with_key(path: Path) -> None:
    stored = sealed.read_json(path)
    path.write_text(json.dumps({**stored, "more": {"code": "import os"}}))


def attacks(samples: Path, number: int, every: int) -> Iterator[Attack]:
    """All attacks on texts.

    Args:
        samples: folder of the samples.
        number: flipped bits, and as many cuts, per file.
        every: of all mutations, one in so many is made, in turn at every place.
    """
    for file, door in JSON_FILES.items():
        name = Path(file).name
        yield from flips(f"{name}: flipped bit", door, file, number)
        yield from cuts(f"{name}: cut", door, file, number)
        for title, text in TEXTS.items():
            yield Attack(f"{name}: text", title, door, file, of_bytes(lambda _, text=text: text))
        yield Attack(f"{name}: text", "another key", door, file, _with_key)
        for i, place in enumerate(paths_of(sealed.read_json(samples / file))):
            for k, value in enumerate(VALUES):
                may_be_gone = place[0] == "splits" and (len(place) == 2 or place[-1] == "factors")
                if (i * 7 + k) % every == 0 and not (value is GONE and may_be_gone):
                    shown = "gone" if value is GONE else repr(str(value)[:20])
                    title = f"{'.'.join(map(str, place))} = {shown} ({k})"
                    yield Attack(f"{name}: mutation", title, door, file, _mutation(place, value))
    for title, content in YAML.items():
        data = content if isinstance(content, bytes) else content.encode()
        yield Attack("YAML", title, doors.CONFIG, "options.yaml", of_bytes(lambda _, data=data: data))


def _mutation(place: tuple[Any, ...], value: Any) -> Callable[[Path], object]:
    return lambda path: _rewrite(path, place, value)
