from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platen_contracts.common import Actor
from platen_contracts.orders import Cause, OrderChanged
from platen_contracts.status import OrderStatus
from platen_contracts.subscribing import Newest, difference, fold, merge

ORDER = "0f" * 16
names = st.text(st.sampled_from("abcä"), min_size=1, max_size=3)
leaves = st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False)
documents = st.recursive(
    st.dictionaries(names, leaves, max_size=4), lambda inner: st.dictionaries(names, leaves | inner, max_size=4), max_leaves=20
)


@given(old=documents, new=documents)
def test_a_difference_merged_into_the_old_gives_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = deepcopy((old, new))
    assert merge(old, difference(old, new)) == new
    assert (old, new) == before


@given(document=documents)
def test_nothing_changed_is_an_empty_patch(document: dict[str, Any]) -> None:
    assert difference(document, deepcopy(document)) == {}
    assert merge(document, {}) == document


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_does_as_rfc_7386_appendix_a_says(
    target: Mapping[str, Any], patch: Mapping[str, Any], merged: Mapping[str, Any]
) -> None:
    assert merge(target, patch) == merged


def history(snapshots: list[dict[str, Any]]) -> list[OrderChanged]:
    before: dict[str, Any] = {}
    changes: list[OrderChanged] = []
    for version, snapshot in enumerate(snapshots, start=1):
        changes.append(
            OrderChanged(
                order_id=ORDER, version=version, at=datetime(2026, 11, 23, tzinfo=UTC), actor=Actor(kind="operator"),
                cause=Cause(id="1", type="t"), to_status=OrderStatus.NEW, patch=difference(before, snapshot),
            )
        )  # fmt: skip
        before = snapshot
    return changes


@given(snapshots=st.lists(documents, min_size=1, max_size=6), data=st.data())
def test_history_folds_to_the_order_as_of_every_version_however_often_it_is_delivered(
    snapshots: list[dict[str, Any]], data: st.DataObject
) -> None:
    changes = history(snapshots)
    assert fold(changes) == snapshots[-1]
    for version, snapshot in enumerate(snapshots, start=1):
        assert fold(changes, until=version) == snapshot
    again_from = data.draw(st.integers(0, len(changes) - 1))
    assert fold([*changes, *changes[again_from:]]) == snapshots[-1]
    assert fold(OrderChanged.model_validate_json(change.model_dump_json()) for change in changes) == snapshots[-1]


def test_a_gap_names_the_version_that_is_missing() -> None:
    changes = history([{"a": 1}, {"a": 2}, {"a": 3}])
    with pytest.raises(ValueError, match=f"order {ORDER}: version 2 is missing before 3"):
        fold([changes[0], changes[2]])
    with pytest.raises(ValueError, match=f"order {ORDER}: version 1 is missing before 2"):
        fold(changes[1:])
    with pytest.raises(ValueError, match="version 4 is missing; the order as of version 5 was asked for"):
        fold(changes, until=5)


@given(versions=st.lists(st.integers(1, 9), max_size=30))
def test_only_a_rise_of_the_version_is_news(versions: list[int]) -> None:
    newest = Newest()
    news = [version for version in versions if newest.is_news("order", version)]
    assert news == sorted(set(news))
    assert news[-1:] == ([max(versions)] if versions else [])


def test_keys_have_versions_of_their_own_and_a_tombstone_forgets_one() -> None:
    newest = Newest()
    assert newest.is_news("a", 5)
    assert newest.is_news("b", 1)
    assert not newest.is_news("a", 5)
    newest.forget("a")
    newest.forget("never heard of")
    assert newest.is_news("a", 1)
    assert not newest.is_news("b", 1)
