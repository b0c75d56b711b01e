"""Orders that were erased, so that nothing personal of them is kept again."""

from alembic import op

revision = "0002"
down_revision = "0001"

CREATE = (
    "create table erased_orders (order_id text primary key)",
    "comment on table erased_orders is 'orders whose tracking numbers are not kept, whatever is read of them'",
    "create index vendor_orders_order on vendor_orders ((state->>'order_id'))",
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop index vendor_orders_order")
    op.execute("drop table erased_orders")
