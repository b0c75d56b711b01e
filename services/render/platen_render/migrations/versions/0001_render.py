"""Open jobs, artworks, what was drawn, and the links to it."""

from alembic import op
from platen_messaging.tables import create_delivery_tables, drop_delivery_tables

revision = "0001"
down_revision = None

CREATE = (
    """create table artworks (
        reference text primary key,
        document json
    )""",
    "comment on column artworks.document is 'null: named by a request, not published yet'",
    "create table sides (key text primary key)",
    "comment on table sides is 'one row for each side of an item; the lock of its jobs and links'",
    """create table jobs (
        number bigint generated always as identity,
        request_id text primary key,
        side text not null references sides,
        shop_id text not null,
        artwork text not null references artworks,
        input_hash text not null,
        rank bigint,
        due_at timestamptz,
        lease text,
        lost int not null default 0,
        request json not null,
        cause json not null
    ) with (fillfactor = 80)""",
    "comment on table jobs is 'requests not answered yet; a row goes when its answer is written, and the personal data with it'",
    "comment on column jobs.rank is 'its turn: the shops take turns rank by rank; null: its artwork is not published yet'",
    "comment on column jobs.due_at is 'when it may be claimed; of a leased one, when the lease ends'",
    "comment on column jobs.lease is 'who has it in hand; null: nobody, or it was put back in good order'",
    "comment on column jobs.lost is 'how often its lease ran out'",
    "create index jobs_side on jobs (side)",
    "create index jobs_turn on jobs (rank, number) where rank is not null",
    "create index jobs_shop on jobs (shop_id, rank) where rank is not null",
    "create index jobs_unranked on jobs (artwork) where rank is null",
    "create index jobs_input on jobs (input_hash)",
    "create index jobs_lease on jobs (lease) where lease is not null",
    """create table files (
        sha256 text primary key,
        size bigint not null,
        media_type text not null,
        made_at timestamptz not null default now()
    )""",
    """create table drawings (
        input_hash text not null,
        renderer text not null,
        sha256 text not null references files,
        primary key (input_hash, renderer)
    )""",
    "comment on table drawings is 'what each renderer made of each inputs; asked again, it is not drawn again'",
    "create index drawings_file on drawings (sha256)",
    """create table links (
        token text primary key,
        side text not null references sides,
        sha256 text not null references files,
        unique (side, sha256)
    )""",
    "comment on table links is 'whoever has the token sees the file; a deleted row revokes it'",
    "create index links_file on links (sha256)",
)


def upgrade() -> None:
    create_delivery_tables(op)
    for statement in CREATE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("links", "drawings", "files", "jobs", "sides", "artworks"):
        op.execute(f"drop table {table}")
    drop_delivery_tables(op)
