"""Shop orders whose orders were all erased take no personal data again."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("alter table shop_orders add column erased boolean not null default false")
    op.execute("comment on column shop_orders.erased is 'every order made of it was erased: kept without personal data'")


def downgrade() -> None:
    op.execute("alter table shop_orders drop column erased")
