"""Hostile safetensors files and checkpoints of the published code."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from tests.hostile import doors
from tests.hostile.attack import Attack, cuts, flips, of_bytes
from tests.hostile.samples import checkpoint

Header = dict[str, Any]


def with_header(change: Callable[[Header], object]) -> Callable[[bytes], bytes]:
    """A safetensors file with another header before the same values."""

    def changed(data: bytes) -> bytes:
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + length :]

    return changed


def first(header: Header) -> Header:
    """The entry of the first tensor."""
    entry: Header = next(value for name, value in header.items() if name != "__metadata__")
    return entry


def _rename(header: Header, name: str) -> None:
    old = next(key for key in header if key != "__metadata__")
    header[name] = header.pop(old)


def _nan(data: bytes) -> bytes:
    length = struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8 : 8 + length]).values()
    begin = next(entry["data_offsets"][0] for entry in entries if entry.get("dtype") == "F32") + 8 + length
    return data[:begin] + struct.pack("<f", float("nan")) + data[begin + 4 :]


def _twice(data: bytes) -> bytes:
    length = struct.unpack("<Q", data[:8])[0]
    text = data[8 : 8 + length].rstrip()
    name, entry = next((n, e) for n, e in json.loads(text).items() if n != "__metadata__")
    text = text[:-1] + f', "{name}": {json.dumps(entry)}}}'.encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _many(header: Header) -> None:
    header.update({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(50_000)})


SAFETENSORS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "length of 2^63": lambda data: struct.pack("<Q", 1 << 63) + data[8:],
    "length of 4 GB": lambda data: struct.pack("<Q", 1 << 32) + data[8:],
    "length of 99 MB": lambda data: struct.pack("<Q", 99_000_000) + data[8:],
    "length of 0": lambda data: struct.pack("<Q", 0) + data[8:],
    "length of 2": lambda data: struct.pack("<Q", 2) + data[8:],
    "deep header": lambda data: struct.pack("<Q", 100_000) + b"[" * 100_000,
    "NaN": _nan,
    "bytes behind": lambda data: data + b"more",
    "a name twice": _twice,
    "other type": with_header(lambda header: first(header).update(dtype="I32")),
    "unknown type": with_header(lambda header: first(header).update(dtype="F1")),
    "small type": with_header(lambda header: first(header).update(dtype="F8_E4M3")),
    "type of a number": with_header(lambda header: first(header).update(dtype=3)),
    "huge shape": with_header(lambda header: first(header).update(shape=[10**9, 10**9, 10**9])),
    "negative shape": with_header(lambda header: first(header).update(shape=[-1])),
    "shape of a text": with_header(lambda header: first(header).update(shape="4")),
    "other shape": with_header(lambda header: first(header)["shape"].append(1)),
    "offsets beyond": with_header(lambda header: first(header).update(data_offsets=[0, 10**15])),
    "offsets backwards": with_header(lambda header: first(header).update(data_offsets=[8, 0])),
    "other name": with_header(lambda header: _rename(header, "weights")),
    "name of control characters": with_header(lambda header: _rename(header, "\x1b[31m\nred")),
    "name of a megabyte": with_header(lambda header: _rename(header, "x" * 1_000_000)),
    "many tensors": with_header(_many),
    "no tensors": lambda data: struct.pack("<Q", 2) + b"{}",
    "a zip": lambda data: b"PK\3\4" + data,
}


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function: Any, *arguments: Any):
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def with_entries(**entries: Any) -> Callable[[Path], object]:
    """The sample with other top-level entries."""
    return lambda path: torch.save({**checkpoint(), **entries}, path)


def with_tensors(make: Callable[[], dict[Any, Any]]) -> Callable[[Path], object]:
    """The sample with further or other tensors."""

    def change(path: Path) -> None:
        stored = checkpoint()
        torch.save({**stored, "state_dict": {**stored["state_dict"], **make()}}, path)

    return change


def with_parameters(**changes: Any) -> Callable[[Path], object]:
    """The sample with other hyper-parameters."""
    return with_entries(hyper_parameters={**checkpoint()["hyper_parameters"], **changes})


def with_pickle(content: bytes) -> Callable[[Path], object]:
    """The sample with another pickle between the same storages."""
    return lambda path: _repacked(path, lambda name, data: content if name.endswith("data.pkl") else data)


def _repacked(
    path: Path, change: Callable[[str, bytes], bytes] = lambda _, data: data, method: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, change(name, data))


def _list_bomb(path: Path) -> None:
    """Hyper-parameters that take 2^60 steps to print."""
    nested: Any = []
    for _ in range(60):
        nested = [nested, nested]
    with_parameters(causal_var_info={"x": nested, "turn": nested, "kind": nested})(path)


def _expanded(*shape: int) -> torch.Tensor:
    return torch.zeros(1).expand(*shape)


def _shared() -> dict[Any, Any]:
    weights = torch.zeros(20_000)
    return {f"encoder.w{i}": weights.view(200, 100)[i % 7 :] for i in range(300)}


def _legacy(path: Path) -> None:
    torch.save(checkpoint(), path, _use_new_zipfile_serialization=False)


def _double(path: Path) -> None:
    stored = checkpoint()
    stored["state_dict"] = {name: value.double() for name, value in stored["state_dict"].items()}
    torch.save(stored, path)


KINDS = {"x": "continuous_2", "turn": "angle", "kind": "categ_4"}
LAYER = "encoder.net.0.weight"
TENSORS: dict[str, Callable[[], dict[Any, Any]]] = {
    "expanded to 40 GB": lambda: {LAYER: _expanded(100_000, 100_000)},
    "expanded a little": lambda: {LAYER: _expanded(4, 3, 3, 3)},
    "expanded and unused": lambda: {"encoder.more": _expanded(1_000_000_000)},
    "sparse": lambda: {LAYER: torch.sparse_coo_tensor([[0], [0]], [1.0], (10**6, 10**6))},
    "sparse rows": lambda: {"encoder.more": torch.eye(3).to_sparse_csr()},
    "quantised": lambda: {LAYER: torch.quantize_per_tensor(torch.zeros(4), 0.1, 0, torch.qint8)},
    "without memory": lambda: {LAYER: torch.empty(10**6, 10**6, device="meta")},
    "complex": lambda: {LAYER: torch.zeros(4, 3, 3, 3, dtype=torch.complex64)},
    "NaN": lambda: {LAYER: torch.full((4, 3, 3, 3), float("nan"))},
    "infinite": lambda: {LAYER: torch.full((4, 3, 3, 3), float("inf"))},
    "empty": lambda: {LAYER: torch.zeros(0)},
    "empty and huge": lambda: {LAYER: torch.zeros(10**9, 0, 3, 3)},
    "no axes": lambda: {LAYER: torch.tensor(1.0)},
    "other axes": lambda: {LAYER: torch.zeros(4, 27)},
    "large layer": lambda: {LAYER: torch.zeros(3000, 3, 3, 3)},
    "wide head": lambda: {"pred_layers.x.weight": torch.zeros(1, 100_000)},
    "flat head": lambda: {"pred_layers.x.weight": torch.zeros(8)},
    "integer keys": lambda: {3: torch.zeros(1)},
    "no key": lambda: {None: torch.zeros(1)},
    "control characters": lambda: {"encoder.\x1b[31m\n": torch.zeros(1)},
    "long name": lambda: {"encoder." + "x" * 1_000_000: torch.zeros(1)},
    "many names": lambda: {f"encoder.{i}": torch.zeros(1) for i in range(12_000)},
    "many blocks": lambda: {f"encoder.net.{i}.0.weight": torch.zeros(4, 3, 3, 3) for i in range(60)},
    "block 10^20": lambda: {f"encoder.net.{10**20}.0.weight": torch.zeros(4, 3, 3, 3)},
    "one storage 300 times": _shared,
    "a text": lambda: {LAYER: "weights"},
    "a list": lambda: {LAYER: [1.0, 2.0]},
    "CITRIS": lambda: {"flow.a": torch.zeros(1), "prior_t1.a": torch.zeros(1), "autoencoder.a": torch.zeros(1)},
    "CITRIS of many latents": lambda: {
        "flow.a": torch.zeros(1),
        "autoencoder.a": torch.zeros(1),
        "prior_t1.target_params": torch.zeros(50_000, 3),
    },
    "CITRIS without variables": lambda: {
        "decoder.a": torch.zeros(1),
        "prior_t1.target_params": torch.zeros(3, 1),
    },
}
PARAMETERS: dict[str, Any] = {
    "10^11 categories": {**KINDS, "kind": "categ_99999999999"},
    "no category": {**KINDS, "kind": "categ_0"},
    "categories of a fraction": {**KINDS, "kind": "categ_4.5"},
    "categories of dots": {**KINDS, "kind": "categ_4.5.6"},
    "other categories": {**KINDS, "kind": "categ_5"},
    "no range": {**KINDS, "x": "continuous_0"},
    "range of dots": {**KINDS, "x": "continuous_1.2.3"},
    "other kind": {**KINDS, "x": "import os"},
    "kind of a number": {**KINDS, "x": 3},
    "kind of a list": {**KINDS, "x": [1]},
    "kind of a megabyte": {**KINDS, "x": "x" * 1_000_000},
    "no factors": {},
    "fewer factors": {"x": "angle"},
    "more factors": {**KINDS, "more": "angle"},
    "numbers as names": {1: "angle"},
    "a list": ["x"],
    "a text": "x",
    "none": None,
}
ENTRIES: dict[str, Any] = {
    "parameters of a list": {"hyper_parameters": [1]},
    "parameters of a text": {"hyper_parameters": "x"},
    "steps of a text": {"global_step": "60"},
    "steps below 0": {"global_step": -1},
    "steps of 10^400": {"global_step": 10**400},
    "steps of NaN": {"global_step": float("nan")},
    "steps of a tensor": {"global_step": torch.tensor(3)},
    "no state": {"state_dict": None},
    "state of a list": {"state_dict": [torch.zeros(1)]},
    "a function": {"callbacks": Call(print, "ran")},
    "a system call": {"callbacks": Call(eval, "1 + 1")},
    "1 TB of bytes": {"callbacks": Call(bytearray, 10**12)},
    "a device": {"callbacks": torch.device("cpu")},
    "a class": {"callbacks": Path("x")},
    "sets": {"callbacks": {1, 2}},
    "a tuple as key": {"callbacks": {(1, 2): 3}},
}
PICKLES: dict[str, bytes] = {
    "empty": b"",
    "ends early": b"\x80\x02",
    "nothing on the stack": b"\x80\x02.",
    "no mark": b"\x80\x02u.",
    "a mark alone": b"\x80\x02(.",
    "unknown operation": b"\x80\x02\xff.",
    "memo of 2^31": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "reference to nothing": b"\x80\x02h\x07.",
    "text of 4 GB": b"\x80\x02X\xff\xff\xff\xff.",
    "text of 2^63": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "number of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "number of -1 bytes": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "key that takes forever": b"\x80\x02}" + b")" + b"2\x86" * 60 + b"K\x01s.",
    "a call of a number": b"\x80\x02K\x01)R.",
    "a name of a module": b"\x80\x02cos\nsystem\n(S'true'\ntR.",
    "a name of the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93)R.",
    "an extension": b"\x80\x02\x82\x01.",
    "an instance": b"\x80\x02(ios\nsystem\n.",
    "a new object": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "a tensor of nothing": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
    "a tensor of texts": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(X\x01\x00\x00\x00aK\x00)))NtR.",
    "a dictionary of a number": b"\x80\x02ccollections\nOrderedDict\nK\x05\x85R.",
    "a dictionary of singles": b"\x80\x02ccollections\nOrderedDict\n]K\x05a\x85R.",
    "a reference outside": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "deep lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "protocol 200": b"\x80\xc8N.",
    "no pickle": b"hello",
    "a plain number": pickle.dumps(3, 2),
    "8 MB": b"\x80\x02" + b"N" * (8 << 20) + b".",
}


def _archives() -> dict[str, Callable[[Path], object]]:
    return {
        "packed members": lambda path: _repacked(path, method=zipfile.ZIP_DEFLATED),
        "a bomb of zeros": lambda path: _repacked(path, lambda _, data: bytes(1 << 26), zipfile.ZIP_DEFLATED),
        "short storages": lambda path: _repacked(path, lambda name, data: data[:-4] if "/data/" in name else data),
        "long storages": lambda path: _repacked(path, lambda name, data: data + b"more" if "/data/" in name else data),
        "big-endian": lambda path: _repacked(path, lambda name, data: b"big" if "byteorder" in name else data),
        "format before 1.6": _legacy,
        "double precision": _double,
        "lists that take forever to print": _list_bomb,
        "a plain zip": of_bytes(lambda _: _plain_zip()),
        "a tensor": lambda path: torch.save(torch.zeros(3), path),
        "a list": lambda path: torch.save([1, 2], path),
        "scripted": lambda path: torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path),
    }


def _plain_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return buffer.getvalue()


def attacks(number: int) -> Iterator[Attack]:
    """All attacks on weights; ``number`` flipped bits and as many cuts per file."""
    for door, folder in ((doors.EXPORT, "export"), (doors.RUN, "run")):
        file = f"{folder}/model.safetensors"
        yield from cuts(f"safetensors of {folder}: cut", door, file, number // 2)
        for name, change in SAFETENSORS.items():
            yield Attack(f"safetensors of {folder}: header", name, door, file, of_bytes(change))
    yield from flips("safetensors of export: flipped bit", doors.EXPORT, "export/model.safetensors", number // 2)
    door, file = doors.IMPORT, "encoder.ckpt"
    yield from flips("checkpoint: flipped bit", door, file, number)
    yield from cuts("checkpoint: cut", door, file, number)
    for name, make in TENSORS.items():
        yield Attack("checkpoint: tensor", name, door, file, with_tensors(make))
    for name, kinds in PARAMETERS.items():
        yield Attack("checkpoint: parameters", name, door, file, with_parameters(causal_var_info=kinds))
    for name, entries in ENTRIES.items():
        yield Attack("checkpoint: entries", name, door, file, with_entries(**entries))
    for name, content in PICKLES.items():
        yield Attack("checkpoint: pickle", name, door, file, with_pickle(content))
    for name, rewrite in _archives().items():
        yield Attack("checkpoint: archive", name, door, file, rewrite)
