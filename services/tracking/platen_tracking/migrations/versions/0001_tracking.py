"""Vendor orders that are followed, and the vendor accounts they are in."""

from alembic import op
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None

CREATE = (
    """create table vendor_orders (
        vendor_id text not null,
        vendor_order_id text not null,
        state json,
        next_read_at timestamptz,
        hinted_at timestamptz,
        leased_until timestamptz,
        primary key (vendor_id, vendor_order_id)
    ) with (fillfactor = 80)""",
    "comment on column vendor_orders.state is 'whose it is and what was last told; null: a webhook came before the acceptance'",
    "comment on column vendor_orders.hinted_at is 'when a webhook spoke of it, if it was not read since'",
    "comment on column vendor_orders.leased_until is 'somebody is reading it; after that time whoever comes may'",
    "create index vendor_orders_due on vendor_orders (vendor_id, next_read_at) where state is not null",
    "create index vendor_orders_unknown on vendor_orders (hinted_at) where state is null",
    """create table vendors (
        vendor_id text primary key,
        vendor json not null
    )""",
    "comment on table vendors is 'vendor accounts, as catalog.vendors carries them'",
)


def upgrade() -> None:
    create_delivery_tables(op)
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("vendors", "vendor_orders"):
        op.execute(f"drop table {table}")
    drop_delivery_tables(op)
