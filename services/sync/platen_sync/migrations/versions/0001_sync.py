"""Shops and their runs, listings, vendors, shop orders as last seen, orders and their parcels."""

from alembic import op
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None

CREATE = (
    """create table shops (
        shop_id text primary key,
        shop jsonb,
        watermark timestamptz,
        poll_at timestamptz,
        runs jsonb not null default '[]',
        failing boolean not null default false
    )""",
    "comment on column shops.shop is 'what the catalog says; null: not (or no more) in it'",
    "comment on column shops.watermark is 'the last modified second of which every order is out'",
    "comment on column shops.runs is 'runs that are not over, in the order they are done'",
    """create table listings (
        shop_id text not null,
        listing_id text not null,
        vendor_id text not null,
        has_artwork boolean not null,
        listing jsonb not null,
        primary key (shop_id, listing_id)
    )""",
    """create table vendors (
        vendor_id text primary key,
        vendor jsonb not null
    )""",
    """create table shop_orders (
        shop_id text not null,
        shop_order_id text not null,
        seen jsonb,
        standing text,
        read_at timestamptz,
        reported boolean not null default false,
        waiting jsonb not null default '[]',
        last_run text,
        hinted_at timestamptz,
        read_next timestamptz,
        tries int not null default 0,
        primary key (shop_id, shop_order_id)
    )""",
    "comment on column shop_orders.seen is 'as last read, personal data included; null: only hinted at'",
    "comment on column shop_orders.read_next is 'when to read it for a hint'",
    "create index shop_orders_read_next on shop_orders (read_next) where read_next is not null",
    """create table waiting (
        shop_id text not null,
        shop_order_id text not null,
        listing_id text not null,
        wants text not null,
        primary key (shop_id, listing_id, shop_order_id, wants)
    )""",
    "comment on table waiting is 'shop orders with a line that this listing would link, or give an artwork'",
    "create index waiting_shop_order on waiting (shop_id, shop_order_id)",
    """create table orders (
        order_id text primary key,
        shop_id text,
        shop_order_id text,
        status text,
        version int not null default 0,
        private_version int not null default 0,
        parcels jsonb not null default '{}',
        tracking jsonb not null default '{}',
        postings jsonb not null default '{}',
        due_at timestamptz
    )""",
    "comment on column orders.due_at is 'the earliest time at which a parcel is to be posted to the shop'",
    "create index orders_due_at on orders (due_at) where due_at is not null",
    "create index orders_shop_order on orders (shop_id, shop_order_id)",
)


def upgrade() -> None:
    create_delivery_tables(op)
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("orders", "waiting", "shop_orders", "vendors", "listings", "shops"):
        op.execute(f"drop table {table}")
    drop_delivery_tables(op)
