from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts import orders, sync
from platen_contracts.common import Actor, Money
from platen_contracts.envelope import Headers, Meta, Undecodable, decode, decode_headers, decode_value, encode, encode_headers
from platen_contracts.status import OrderStatus
from platen_contracts.topics import CATALOGUE, MESSAGES

ORDER = "0f" * 16
SEND = orders.Send(order_id=ORDER, actor=Actor(kind="operator", name="maren"), expected_version=7)
META = Meta(
    id="ab" * 16,
    type=orders.Send.TYPE,
    source="console",
    subject=ORDER,
    time=datetime(2026, 11, 23, 16, 14, 0, 123456, UTC),
    correlation_id="cd" * 16,
    causation_id="ef" * 16,
    replay_of="12" * 16,
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def headers_with(name: str, *values: bytes | None) -> list[tuple[str, bytes | None]]:
    """Good headers, but for `name`, which has these values."""
    kept: list[tuple[str, bytes | None]] = [(known, raw) for known, raw in encode_headers(META) if known != name]
    return [*kept, *((name, value) for value in values)]


printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
moments = st.datetimes(timezones=st.just(UTC))
metas = st.builds(
    Meta, id=printable, type=printable, source=printable, subject=printable, time=moments,
    correlation_id=st.none() | printable, causation_id=st.none() | printable, replay_of=st.none() | printable,
    traceparent=st.none() | printable,
)  # fmt: skip


@given(meta=metas)
def test_what_is_written_in_headers_is_read_back(meta: Meta) -> None:
    assert decode_headers(encode_headers(meta)) == meta


@pytest.mark.parametrize("meta", [META, Meta(META.id, META.type, META.source, "", META.time)], ids=["full", "minimal"])
def test_the_cloudevents_sdk_reads_our_records(meta: Meta) -> None:
    value = encode(SEND)
    assert value is not None
    event = from_binary(KafkaMessage(headers=dict(encode_headers(meta)), key=None, value=value), JSONFormat(), CloudEvent)
    assert event.get_specversion() == "1.0"
    assert (event.get_id(), event.get_type(), event.get_source()) == (meta.id, meta.type, meta.source)
    assert event.get_subject() == (meta.subject or None)
    assert event.get_time() == meta.time
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("correlationid") == meta.correlation_id
    assert event.get_extension("causationid") == meta.causation_id
    assert event.get_extension("replayof") == meta.replay_of
    assert event.get_data() == {
        "order_id": ORDER,
        "actor": {"kind": "operator", "name": "maren"},
        "expected_version": 7,
        "dry_run": False,
    }


def test_we_read_records_of_the_cloudevents_sdk() -> None:
    attributes = {
        "id": META.id, "type": META.type, "source": META.source, "subject": META.subject, "time": META.time,
        "specversion": "1.0", "datacontenttype": "application/json", "correlationid": META.correlation_id,
        "causationid": META.causation_id, "replayof": META.replay_of,
    }  # fmt: skip
    record = to_binary(CloudEvent(attributes, {"order_id": ORDER, "actor": {"kind": "operator"}}), JSONFormat())
    headers = [*record.headers.items(), ("traceparent", (META.traceparent or "").encode())]
    assert decode_headers(headers) == META
    assert decode(record.value, headers, MESSAGES) == orders.Send(order_id=ORDER, actor=Actor(kind="operator"))


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time"])
@pytest.mark.parametrize("values", [(), (b"",), (None,)], ids=["missing", "empty", "null"])
def test_a_header_that_is_missing_is_named(name: str, values: tuple[bytes | None, ...]) -> None:
    with pytest.raises(Undecodable, match=f"^header {name} is "):
        decode_headers(headers_with(name, *values))


@pytest.mark.parametrize("name", [name for name, _ in encode_headers(META)])
def test_a_header_that_stands_twice_or_is_no_text_is_named(name: str) -> None:
    good = dict(encode_headers(META))[name]
    with pytest.raises(Undecodable, match=f"^header {name} stands twice"):
        decode_headers(headers_with(name, good, good))
    with pytest.raises(Undecodable, match=f"^header {name} is not UTF-8"):
        decode_headers(headers_with(name, b"\xff\xfe"))
    with pytest.raises(Undecodable, match=f"^header {name} holds a control character"):
        decode_headers(headers_with(name, good + b"\x00"))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"yesterday", "an RFC 3339 time is expected"),
        (b"2026-11-23T25:00:00Z", "an RFC 3339 time is expected"),
        (b"0001-01-01T00:00:00+05:00", "an RFC 3339 time is expected"),
        (b"2026-11-23T16:14:00", "without a zone; end it in Z"),
    ],
)
def test_a_bad_time_is_named_with_the_value_seen(value: bytes, told: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode_headers(headers_with("ce_time", value))
    assert caught.value.reason == f"header ce_time is {value.decode()!r}{',' if told.startswith('without') else ';'} {told}"


def test_another_version_of_cloudevents_and_an_endless_id_are_refused() -> None:
    with pytest.raises(Undecodable, match=r"header ce_specversion is '0.3'; 1.0 is expected"):
        decode_headers(headers_with("ce_specversion", b"0.3"))
    with pytest.raises(Undecodable, match="header ce_id is longer than 128 characters"):
        decode_headers(headers_with("ce_id", b"a" * 129))


@pytest.mark.parametrize("name", [name for name, _ in encode_headers(META) if name.startswith("ce_")])
@given(junk=st.binary(max_size=60))
def test_whatever_bytes_a_header_holds_it_is_read_or_undecodable(name: str, junk: bytes) -> None:
    with suppress(Undecodable):
        decode_headers(headers_with(name, junk))


def test_foreign_headers_are_let_through() -> None:
    foreign: Headers = [*encode_headers(META), ("b3", b"\xff"), ("b3", b"\xff")]
    assert decode_headers(foreign) == META


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b'{"actor": {"kind": "operator"}}', "order_id: Field required"),
        (b'{"order_id": "1001", "actor": {"kind": "operator"}}', "order_id: String should match pattern"),
        (b'{"order_id": "%s", "actor": {}}' % ORDER.encode(), "actor.kind: Field required"),
        (
            b'{"order_id": "%s", "actor": {"kind": "x"}, "expected_version": 0}' % ORDER.encode(),
            "expected_version: Input should be",
        ),
        (b"[]", "the value: Input should be an object"),
        (b"", "the value: Invalid JSON"),
        (b"\xff", "the value: Invalid JSON"),
        (b'{"order_id": "\\ud800"}', "the value: Invalid JSON"),
        (b"[" * 100_000, "the value: Invalid JSON: recursion limit exceeded"),
    ],
)
def test_a_wrong_body_names_its_type_and_the_field(value: bytes, named: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode_value(value, orders.Send)
    assert caught.value.reason.startswith(f"platen.orders.Send.v1: {named}")


def test_the_reason_never_repeats_what_the_body_held() -> None:
    with pytest.raises(Undecodable) as caught:
        decode_value(b'{"order_id": "Maeve O\'Sullivan", "actor": {"kind": "operator"}}', orders.Send)
    assert "Maeve" not in caught.value.reason


@given(junk=st.binary(max_size=200))
def test_whatever_bytes_a_body_holds_it_is_read_or_undecodable(junk: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_value(junk, orders.Send)


def test_an_unknown_type_names_what_is_known() -> None:
    with pytest.raises(
        Undecodable, match=r"header ce_type is 'platen.orders.Send.v1'; known here: platen.orders.OrderSnapshot.v1"
    ):
        decode(encode(SEND), encode_headers(META), CATALOGUE["orders.status"].types)


def test_a_tombstone_is_none_both_ways() -> None:
    assert encode(None) is None
    assert decode(None, [], MESSAGES) is None


def test_unknown_fields_are_ignored_and_unknown_words_of_open_enums_kept() -> None:
    body = b'{"shop_id": "a", "run_id": "%s", "state": "hibernating", "moon": "full"}' % ORDER.encode()
    read = decode_value(body, sync.SyncProgressed)
    assert isinstance(read, sync.SyncProgressed)
    assert read.state == "hibernating"
    assert b"hibernating" in (encode(read) or b"")


def test_absent_fields_are_left_out_and_the_nulls_of_a_patch_are_kept() -> None:
    change = orders.OrderChanged(
        order_id=ORDER, version=1, at=META.time, actor=Actor(kind="shop"), cause=orders.Cause(id="1", type="t"),
        to_status=OrderStatus.NEW, patch={"failure": None, "activity": {"reason": None}},
    )  # fmt: skip
    written = encode(change) or b""
    assert b'"patch":{"failure":null,"activity":{"reason":null}}' in written
    assert b'"from"' not in written
    assert decode_value(written, orders.OrderChanged) == change


@pytest.mark.parametrize(
    ("amount", "wire"), [("14.90", b'"14.90"'), ("1E+2", b'"100"'), ("1E-7", b'"0.0000001"'), ("-0.5", b'"-0.5"')]
)
def test_money_is_a_plain_decimal_string(amount: str, wire: bytes) -> None:
    assert b'"amount":' + wire in Money.model_validate({"amount": amount, "currency": "EUR"}).model_dump_json().encode()


def test_times_travel_in_utc_and_one_without_a_zone_is_refused() -> None:
    bangkok = datetime(2026, 11, 23, 23, 14, tzinfo=timezone(timedelta(hours=7)))
    assert b'"2026-11-23T16:14:00Z"' in (encode(sync.TrackingPosted(order_id=ORDER, parcel="1", at=bangkok)) or b"")
    for value in (b"2026-11-23T16:14:00", b"0001-01-01T00:00:00+05:00"):
        with pytest.raises(Undecodable, match=r"^platen.sync.TrackingPosted.v1: at: "):
            decode_value(b'{"order_id": "%s", "parcel": "1", "at": "%s"}' % (ORDER.encode(), value), sync.TrackingPosted)
