"""Counters, places and delivery."""

from alembic import op
from platen_messaging.places import create_places
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_delivery_tables(op)
    create_places(op)
    op.execute("create table counters (name text primary key, total bigint not null default 0 check (total <= 1000))")


def downgrade() -> None:
    op.execute("drop table counters")
    op.execute("drop table places")
    drop_delivery_tables(op)
