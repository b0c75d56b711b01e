"""What uses which file, so that one that nobody uses can go."""

from alembic import op

revision = "0002"
down_revision = "0001"

UPGRADE = (
    """create table orders (
        order_id text primary key,
        version bigint not null,
        erased boolean not null,
        archived_since timestamptz
    )""",
    "comment on table orders is 'orders as they say of themselves on orders.status'",
    """create table named (
        order_id text not null references orders,
        sha256 text not null,
        primary key (order_id, sha256)
    )""",
    "comment on table named is 'the files that each order names: in use while it is not erased, nor archived for long'",
    "create index named_file on named (sha256)",
    "alter table sides add order_id text generated always as (substr(key, 6, 32)) stored",
    "create index sides_order on sides (order_id)",
    """create table photos (
        side text not null references sides,
        sha256 text not null,
        source text,
        primary key (side, sha256)
    )""",
    "comment on table photos is 'the buyers'' photos that each side is drawn with: in use as the files that its order names'",
    "comment on column photos.source is 'sha256 of the address it was fetched from; null: the request named the photo itself'",
    "create index photos_file on photos (sha256)",
    """create table assets (
        reference text not null references artworks,
        sha256 text not null,
        primary key (reference, sha256)
    )""",
    "comment on table assets is 'the files that artworks name: never collected'",
    "create index assets_file on assets (sha256)",
    """insert into assets (reference, sha256)
    select distinct reference, path #>> '{}' from artworks, jsonb_path_query(document::jsonb, 'strict $.**.sha256') as path""",
    """create table views (
        sha256 text not null references files,
        name text not null,
        view text not null references files,
        primary key (sha256, name)
    )""",
    "comment on table views is 'small pictures of a print file, for people: in use as long as it is there'",
    "create index views_view on views (view)",
    "alter table drawings add warnings text[] not null default '{}'",
    "alter table links add linked_at timestamptz not null default now()",
    "alter table files add look_at timestamptz not null default now(), add doomed boolean not null default false",
    "comment on column files.look_at is 'when to look whether anybody uses it'",
    "comment on column files.doomed is 'nobody uses it: it is being deleted, and nothing brings it back'",
    "create index files_look on files (look_at) where not doomed",
    "create index files_doomed on files (sha256) where doomed",
)

DOWNGRADE = (
    "drop index files_look, files_doomed",
    "alter table files drop look_at, drop doomed",
    "alter table links drop linked_at",
    "alter table drawings drop warnings",
    "drop table views, assets, photos, named, orders",
    "drop index sides_order",
    "alter table sides drop order_id",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
