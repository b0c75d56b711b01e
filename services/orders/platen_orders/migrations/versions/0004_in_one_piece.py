"""What is written with every fact stays in its row, up to a page: each piece of 2 kB beside it cost a row and an index entry."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = ("orders", "history", "outbox", "outbox_sent")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"alter table {table} set (toast_tuple_target = 8160)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"alter table {table} reset (toast_tuple_target)")
