"""The ledger and the vendors."""

from alembic import op
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None

CREATE = (
    """create table ledger (
        order_id text primary key,
        vendor_id text not null default '',
        due timestamptz,
        lease text,
        state json
    ) with (fillfactor = 70)""",
    "comment on table ledger is 'every order that was ever to be sent, with all its generations'",
    "comment on column ledger.due is 'when a worker may take it: its next turn, or the end of the lease of the turn under way'",
    "comment on column ledger.lease is 'generation.turn of the turn under way'",
    "create index ledger_due on ledger (vendor_id, due) where due is not null",
    """create table vendors (
        vendor_id text primary key,
        document json,
        paused_from timestamptz,
        paused_until timestamptz,
        paused_s double precision not null default 0
    )""",
    "comment on column vendors.document is 'null: not in the catalog'",
    "comment on column vendors.paused_s is 'seconds of all pauses before the one from paused_from to paused_until'",
)


def upgrade() -> None:
    create_delivery_tables(op)
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("vendors", "ledger"):
        op.execute(f"drop table {table}")
    drop_delivery_tables(op)
