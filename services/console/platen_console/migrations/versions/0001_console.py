"""What the console heard of orders, catalogue and syncs, and what its operators asked."""

from alembic import op
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None

CREATE = (
    """create table orders (
        id text primary key,
        version int not null,
        number text not null,
        shop_id text not null,
        vendor_id text not null,
        status text not null,
        placed_at timestamptz not null,
        document json not null
    ) with (fillfactor = 80)""",
    "comment on table orders is 'the latest public snapshot of each order, and what the list sorts and filters by'",
    "create index orders_placed on orders (placed_at desc, id desc)",
    "create index orders_status on orders (status, placed_at desc, id desc)",
    """create table private (
        order_id text primary key,
        version int not null,
        recipient text,
        document json not null
    )""",
    "comment on table private is 'personal data; the tombstone of orders.private deletes the row'",
    """create table history (
        order_id text not null,
        version int not null,
        event json not null,
        primary key (order_id, version)
    )""",
    """create table catalog (
        kind text not null,
        id text not null,
        document json not null,
        primary key (kind, id)
    )""",
    "comment on column catalog.kind is 'artwork (id/version), shop or vendor'",
    """create table syncs (
        shop_id text primary key,
        told_at timestamptz not null,
        document json not null
    )""",
    "comment on table syncs is 'the last progress heard of each shop'",
    """create table commands (
        id text primary key,
        order_id text not null,
        action text not null,
        actor text not null,
        asked_at timestamptz not null,
        bulk_id text,
        outcome text,
        reply json
    )""",
    "comment on table commands is 'commands that this console sent to orders in the last 14 days, and the reply to each'",
    "create index commands_order on commands (order_id, asked_at desc)",
    "create index commands_bulk on commands (bulk_id) where bulk_id is not null",
    "create index commands_asked on commands (asked_at)",
)


def upgrade() -> None:
    create_delivery_tables(op)
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("commands", "syncs", "catalog", "history", "private", "orders"):
        op.execute(f"drop table {table}")
    drop_delivery_tables(op)
