"""A table in several Parquet files, of which a new one begins when one is full."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from trisect.data.export.features import PURPOSE
from trisect.requirements import optional

FILE_BYTES = 100 * 10**6
"""Number of bytes from which a file is full."""


class Parts:
    """Writes tables, one after the other.

    Args:
        schema: the schema of all tables.
        file: from the number of a file, from 0, to its path.

    Attributes:
        number: number of the file that the next table goes to.
        written: the files.
    """

    def __init__(self, schema: Any, file: Callable[[int], Path]):
        self.schema, self.file = schema, file
        self.number, self.written = 0, list[Path]()
        self._opened: IO[bytes] | None = None
        self._writer: Any = None

    def write(self, table: Any, is_whole: bool = True) -> None:
        """Write a table to the file that is open.

        Args:
            table: the table.
            is_whole: whether the next table may begin another file.
        """
        if self._opened is None:
            self._open()
        assert self._opened is not None
        self._writer.write_table(table)
        if is_whole and self._opened.tell() >= FILE_BYTES:
            self.close()
            self.number += 1

    def _open(self) -> None:
        parquet = optional("pyarrow.parquet", "tables", PURPOSE)
        file = self.file(self.number)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.written.append(file)
        self._opened = file.open("wb")
        self._writer = parquet.ParquetWriter(self._opened, self.schema)

    def close(self) -> None:
        """Finish the file that is open."""
        if self._opened is not None:
            self._writer.close()
            self._opened.close()
            self._opened = None

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        elif self._opened is not None:
            with suppress(Exception):  # the error of the block says what is wrong
                self._writer.close()
            self._opened.close()
