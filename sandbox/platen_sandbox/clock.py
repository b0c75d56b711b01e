"""The one clock of the sandbox and the ways its two APIs write a time."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`2026-11-23T10:00:00.123Z`, for the ledger."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def woo_time(moment: datetime, offset_minutes: int = 0) -> str:
    """WooCommerce's form: one-second resolution, no zone suffix, shifted by the shop's offset from GMT."""
    return (moment.astimezone(UTC) + timedelta(minutes=offset_minutes)).replace(tzinfo=None).isoformat(timespec="seconds")
