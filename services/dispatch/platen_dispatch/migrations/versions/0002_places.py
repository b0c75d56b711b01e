"""Where the lanes stand, beside the ledger: a database that is older than what was read is noticed."""

from alembic import op
from platen_messaging.places import create_places

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_places(op)


def downgrade() -> None:
    op.execute("drop table places")
