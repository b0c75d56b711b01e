"""Records as other languages' clients write them, and connections that close under a request."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
import uvloop
from aiokafka import TopicPartition
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer
from platen_contracts.envelope import encode, encode_headers
from platen_messaging import kafka
from toy_counter.contract import Add
from toy_counter.harness import Toy, meta_of


class Raw(str):
    """A header name that goes out as these bytes."""

    data: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.data


def raw(data: bytes) -> Raw:
    name = Raw("raw")
    name.data = data
    return name


def batch(first_offset: int, *names: str, compression: int = 0) -> bytes:
    """A batch of one record for each header name, as it comes from the broker."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1_000_000)
    for place, name in enumerate(names):
        builder.append(place, 0, b"key", f"value {name}".encode(), [(name, b"\xff")])
    data = builder.build()
    data[:8] = first_offset.to_bytes(8, "big")
    return bytes(data)


def read(*batches: bytes, offset: int = 0) -> list[Any]:
    assert kafka  # importing it installs the tolerant reading
    records = fetcher.MemoryRecords(b"".join(batches))
    return list(fetcher.PartitionRecords(TopicPartition("t", 0), records, [], offset, None, None, True, 1))


@pytest.mark.parametrize("compression", [0, 1, 2, 3, 4])
def test_a_header_name_that_is_no_utf_8_hides_no_record(compression: int) -> None:
    bad = raw(b"\xff-x")
    records = read(batch(5, "a", bad, "b", compression=compression), batch(8, "c", bad), batch(10, "d"))
    assert [record.offset for record in records] == [5, 6, 7, 8, 9, 10]
    assert [record.headers[0][0] for record in records] == ["a", "\ufffd-x", "b", "c", "\ufffd-x", "d"]
    assert [(record.key, record.value) for record in records[1:3]] == [(b"key", b"value raw"), (b"key", b"value b")]
    assert all(record.headers[0][1] == b"\xff" for record in records)


def test_reading_begins_at_the_offset_asked_for_and_ends_before_a_batch_cut_short() -> None:
    bad = raw(b"\xc3")
    records = read(batch(0, "a", bad, "b"), batch(3, "c"), batch(4, "d")[:-1], offset=1)
    assert [record.offset for record in records] == [1, 2, 3]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_compressed_message_counts_like_any_other(toy: Toy, codec: str) -> None:
    await toy.start()
    add = Add(by=2, text="x" * 2000)
    headers: list[Any] = list(encode_headers(meta_of(add, "all")))
    producer = Producer({"bootstrap.servers": toy.settings.kafka, "compression.type": codec})
    producer.produce(toy.prefix + "toy.adds", encode(add), key=b"all", headers=headers)
    assert producer.flush(20) == 0
    await toy.total_is(2)


async def test_a_connection_that_closed_under_a_request_is_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop, as the services run it, says RuntimeError. aiokafka's task for metadata ended of it, and its consumer hung."""
    assert kafka  # importing it installs what is tested

    async def no_version_lookup(self: AIOKafkaConnection) -> None:
        self._versions = {MetadataRequest.API_KEY: (0, 5)}

    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_version_lookup)

    async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def ask() -> None:
        server = await asyncio.start_server(reset, "127.0.0.1", 0)
        connection = AIOKafkaConnection("127.0.0.1", server.sockets[0].getsockname()[1])
        await connection.connect()
        while not connection._writer.is_closing():  # noqa: ASYNC110  one turn of the loop at a time
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connection.connected(), "the transport is gone, and nobody has told the connection yet"
        with pytest.raises(KafkaConnectionError, match="is closed"):
            connection.send(MetadataRequest([]))
        assert not connection.connected()
        server.close()

    await asyncio.to_thread(uvloop.run, ask())
