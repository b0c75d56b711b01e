"""Orders, their shop orders, lines, history and artworks."""

from alembic import op
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None

CREATE = (
    """create table shop_orders (
        key text primary key,
        state json
    )""",
    "comment on table shop_orders is 'what each shop order last looked like; the row is the lock of all its orders'",
    """create table lines (
        shop_order text not null,
        line_id text not null,
        order_id text not null,
        primary key (shop_order, line_id)
    )""",
    "comment on table lines is 'each shop line is taken in exactly once; rows outlive purge and erasure'",
    """create table orders (
        id text primary key,
        shop_order text not null references shop_orders,
        status text not null,
        version int not null,
        waits text[],
        state json not null,
        snapshot json not null
    ) with (fillfactor = 80)""",
    "comment on column orders.waits is 'artworks id/version that its items name and that are not known yet'",
    "comment on column orders.snapshot is 'what orders.status says of it'",
    "create index orders_shop_order on orders (shop_order)",
    "create index orders_waits on orders using gin (waits) where waits is not null",
    """create table history (
        order_id text not null,
        version int not null,
        event json not null,
        primary key (order_id, version)
    )""",
    "comment on table history is 'every OrderChanged, as orders.history carries it'",
    """create table artworks (
        ref text primary key,
        document json
    )""",
    "comment on column artworks.document is 'null: named by an order, not published yet'",
)


def upgrade() -> None:
    create_delivery_tables(op)
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("artworks", "history", "orders", "lines", "shop_orders"):
        op.execute(f"drop table {table}")
    drop_delivery_tables(op)
