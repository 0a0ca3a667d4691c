"""The columns of an exported data set: what each is called, what its cells are, and how they become a table."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trisect.requirements import optional

PURPOSE = "to export data sets"


@dataclass(frozen=True)
class Feature:
    """A column.

    Attributes:
        name: its name.
        dtype: type of the numbers in a cell, or ``"image"``.
        shape: shape of a cell; a cell of shape (1,) is a plain number.
        names: names of the numbers, or of the axes of pictures; None: they have none.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None

    def arrow_type(self) -> Any:
        """The type of the column in Arrow."""
        arrow = optional("pyarrow", "tables", PURPOSE)
        if self.dtype == "image":
            return arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
        number = arrow.from_numpy_dtype(np.dtype(self.dtype))
        if self.shape == (1,):
            return number
        if len(self.shape) == 1:
            return arrow.list_(number, self.shape[0])
        return arrow.list_(arrow.list_(arrow.list_(number)))

    def of_lerobot(self) -> dict[str, Any]:
        """The feature as LeRobot's ``meta/info.json`` describes it."""
        names = None if self.names is None else list(self.names)
        return {"dtype": self.dtype, "shape": list(self.shape), "names": names}

    def of_datasets(self) -> dict[str, Any]:
        """The feature as ``datasets`` of Hugging Face describes it, from version 2 on."""
        if self.dtype == "image":
            return {"_type": "Image"}
        described: dict[str, Any] = {"dtype": self.dtype, "_type": "Value"}
        if self.shape == (1,):
            return described
        for _ in self.shape:
            described = {"feature": described, "_type": "Sequence"}
        return described | ({"length": self.shape[0]} if len(self.shape) == 1 else {})

    def column(self, values: np.ndarray, paths: Sequence[str]) -> Any:
        """The cells as an Arrow array.

        Args:
            values: (rows, ...) of the feature's type.
            paths: names for the cells of pictures.
        """
        arrow, kind = optional("pyarrow", "tables", PURPOSE), self.arrow_type()
        if self.dtype == "image":
            files = arrow.array([png_of(frame) for frame in values], arrow.binary())
            return arrow.StructArray.from_arrays([files, arrow.array(paths, arrow.string())], fields=list(kind))
        array = arrow.array(np.ascontiguousarray(values).reshape(-1))
        if len(self.shape) == 1:
            return array if self.shape == (1,) else arrow.FixedSizeListArray.from_arrays(array, type=kind)
        for length in reversed(self.shape):
            offsets = np.arange(0, len(array) + 1, length, dtype=np.int32)
            array = arrow.ListArray.from_arrays(arrow.array(offsets), array)
        return array


def png_of(frame: np.ndarray) -> bytes:
    """A frame (height, width, 1, 3 or 4) uint8 as the bytes of a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else np.ascontiguousarray(frame)).save(file, "PNG")
    return file.getvalue()


def schema_of(features: Sequence[Feature], more: Mapping[str, Any] | None = None) -> Any:
    """The schema of a table of these columns; ``datasets`` of Hugging Face reads their kinds from its metadata.

    Args:
        features: the columns, in order.
        more: key -> plain types to be kept in the metadata, too.
    """
    arrow = optional("pyarrow", "tables", PURPOSE)
    described = {"info": {"features": {each.name: each.of_datasets() for each in features}}}
    metadata = {name: json.dumps(value) for name, value in {"huggingface": described, **(more or {})}.items()}
    return arrow.schema([(each.name, each.arrow_type()) for each in features], metadata=metadata)


def table_of(features: Sequence[Feature], schema: Any, values: Mapping[str, np.ndarray], paths: Sequence[str]) -> Any:
    """A table of some rows.

    Args:
        features: the columns, in order.
        schema: their schema.
        values: name of a column -> (rows, ...).
        paths: names for the cells of pictures, one per row.
    """
    arrow = optional("pyarrow", "tables", PURPOSE)
    return arrow.table([each.column(values[each.name], paths) for each in features], schema=schema)
