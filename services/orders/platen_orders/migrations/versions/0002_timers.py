"""Timers of orders, and the shops whose policies they follow."""

from alembic import op

revision = "0002"
down_revision = "0001"

CREATE = (
    """create table timers (
        order_id text primary key,
        due_at timestamptz not null,
        leased_until timestamptz
    ) with (fillfactor = 80)""",
    "comment on table timers is 'when to look at an order though nothing happens; its state says the same'",
    "comment on column timers.leased_until is 'a process looks at it; should it die, another one does then'",
    "create index timers_due on timers (due_at)",
    """create table shops (
        shop_id text primary key,
        document json not null
    )""",
    "comment on column orders.waits is 'what it names and orders did not know: artworks id/version, and its shop as shop:id'",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop table shops")
    op.execute("drop table timers")
