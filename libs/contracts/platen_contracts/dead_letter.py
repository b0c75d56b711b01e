"""A record that a service could not honour: its original value and headers, and these headers that say where and why."""

REASON = "platen_reason"
READER = "platen_reader"
TOPIC = "platen_topic"
PARTITION = "platen_partition"
OFFSET = "platen_offset"
TIME = "platen_time"

HEADERS = (REASON, READER, TOPIC, PARTITION, OFFSET, TIME)
