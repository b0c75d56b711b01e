"""Where a lane reads on, from what its database and its group say."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner
from platen_messaging.kafka import partition_of_key
from platen_messaging.places import Place, place_to_begin

FIRST, END = 100, 500


@pytest.mark.parametrize(
    ("held", "committed", "place", "rewound"),
    [
        pytest.param(None, None, Place(100, 0), False, id="a first start doubts nothing"),
        pytest.param(None, 400, Place(100, 500), True, id="an emptied database reads everything again, and doubts it"),
        pytest.param(Place(300), 400, Place(300, 500), True, id="one that was set back reads from where it stands"),
        pytest.param(Place(50), 400, Place(100, 500), True, id="or from the first record that is left"),
        pytest.param(Place(300, 450), 300, Place(300, 450), False, id="doubts outlive a restart"),
        pytest.param(Place(450), 400, Place(400, 0), False, id="offsets that were not committed cost a second look"),
        pytest.param(Place(300, 320), None, Place(300, 320), False, id="a group that Kafka forgot goes on from the database"),
        pytest.param(Place(900), None, Place(100, 0), False, id="a place in a log that is gone counts for nothing"),
    ],
)
def test_a_lane_reads_on_where_its_database_and_its_group_agree(
    held: Place | None, committed: int | None, place: Place, rewound: bool
) -> None:
    assert place_to_begin(held, committed, FIRST, END) == (place, rewound)


def test_a_key_is_looked_for_in_the_partition_to_which_it_was_sent() -> None:
    for key in (b"0f" * 16, b"mugs/1001", b""):
        assert partition_of_key(key, 12) == DefaultPartitioner()(key, list(range(12)), list(range(12)))
