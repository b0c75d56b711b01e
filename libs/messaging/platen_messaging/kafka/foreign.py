"""What aiokafka does not get over by itself: header names that are no UTF-8, and connections that uvloop has closed.

Its parser raises on such a name, each time it comes to it: nothing behind the record would ever be read, and what was
fetched of other partitions in the same poll would be lost. Here the rest of that fetch is parsed again, by its slower parser
in Python, with the bytes that are no UTF-8 replaced by U+FFFD. Every other fetch takes the way it always took.

asyncio's transports pass over what is written to them once they are closed; uvloop's raise a RuntimeError, which aiokafka does
not take for a broken connection. Where its task that reads the cluster's metadata met it, that task was gone, nobody was told,
and the consumer waited for metadata ever after: a lane that read nothing any more after a broker had died.
"""

# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# aiokafka's inner parts are untyped and private; that they still fit is what tests/messaging/test_foreign.py is for.
from __future__ import annotations

from typing import Any, cast

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaConnectionError
from aiokafka.record.default_records import _DefaultRecordBatchPy

_LENGTH_ENDS = 12
"""Each batch begins with its base offset (8 bytes) and the length of what follows (4 bytes)."""

_MemoryRecords: Any = fetcher.MemoryRecords
_PartitionRecords: Any = fetcher.PartitionRecords


class _Names(bytearray):
    """Bytes whose parts decode whatever they hold."""

    def __getitem__(self, place: Any) -> Any:
        part = super().__getitem__(place)
        return _Names(part) if isinstance(place, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace")


class _Batch(_DefaultRecordBatchPy):  # pyright: ignore[reportGeneralTypeIssues]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Names(self._buffer)


class _Batches:
    """What the fetcher asks of `MemoryRecords`, for batches of the present format."""

    def __init__(self, data: bytes) -> None:
        self._rest = memoryview(data)

    def _size(self) -> int:
        return _LENGTH_ENDS + int.from_bytes(self._rest[_LENGTH_ENDS - 4 : _LENGTH_ENDS], "big")

    def has_next(self) -> bool:
        return len(self._rest) > _LENGTH_ENDS and len(self._rest) >= self._size()

    def next_batch(self) -> _Batch:
        size = self._size()
        batch, self._rest = self._rest[:size], self._rest[size:]
        return _Batch(batch)


class KeptRecords(_MemoryRecords):
    """Fetched records with the bytes they are parsed from."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class TolerantRecords(_PartitionRecords):
    """The records of one fetch, one by one, whatever their header names."""

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            # Parsing begins anew: those that were given out already are passed over by their offsets.
            self._records = _Batches(cast("KeptRecords", self._records).data)
            self._records_iterator = self._unpack_records()
            return super().__next__()


_send = AIOKafkaConnection.send


def send_or_break(connection: Any, request: Any, expect_response: bool = True) -> Any:
    """In place of `AIOKafkaConnection.send`. Raises `KafkaConnectionError` where the transport was closed under it."""
    try:
        return _send(connection, request, expect_response)
    except RuntimeError as closed:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"connection at {connection.host}:{connection.port} is closed") from closed


def install() -> None:
    """For every consumer and producer of this process."""
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = TolerantRecords
    cast("Any", AIOKafkaConnection).send = send_or_break
