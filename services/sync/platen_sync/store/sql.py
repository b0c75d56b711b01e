"""The statements of `states`. Rows come and go as arrays: one statement per kind, however many."""

INSERT_SHOPS = "insert into shops (shop_id) select unnest($1::text[]) on conflict do nothing"

LOAD_SHOPS = """
select shop_id, shop::text, watermark, poll_at, runs::text, failing
from shops where shop_id = any($1::text[]) order by shop_id for update
"""

SAVE_SHOPS = """
update shops
set shop = row.shop::jsonb, watermark = row.watermark, poll_at = row.poll_at, runs = row.runs::jsonb, failing = row.failing
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::bool[])
    as row (shop_id, shop, watermark, poll_at, runs, failing)
where shops.shop_id = row.shop_id
"""

LOAD_LISTINGS = """
select wanted.shop_id, wanted.listing_id, listing::text, vendor::text
from unnest($1::text[], $2::text[]) as wanted (shop_id, listing_id)
join listings using (shop_id, listing_id) left join vendors using (vendor_id)
"""

SAVE_LISTINGS = """
insert into listings (shop_id, listing_id, vendor_id, has_artwork, listing)
select shop_id, listing_id, vendor_id, has_artwork, listing::jsonb
from unnest($1::text[], $2::text[], $3::text[], $4::bool[], $5::text[])
    as row (shop_id, listing_id, vendor_id, has_artwork, listing)
on conflict (shop_id, listing_id) do update
set vendor_id = excluded.vendor_id, has_artwork = excluded.has_artwork, listing = excluded.listing
"""

DROP_LISTINGS = """
delete from listings using unnest($1::text[], $2::text[]) as row (shop_id, listing_id)
where listings.shop_id = row.shop_id and listings.listing_id = row.listing_id
"""

LOAD_VENDORS = "select vendor_id, vendor::text from vendors where vendor_id = any($1::text[]) order by vendor_id for update"

SAVE_VENDORS = """
insert into vendors (vendor_id, vendor)
select vendor_id, vendor::jsonb from unnest($1::text[], $2::text[]) as row (vendor_id, vendor)
on conflict (vendor_id) do update set vendor = excluded.vendor
"""

DROP_VENDORS = "delete from vendors where vendor_id = any($1::text[])"

INSERT_SHOP_ORDERS = """
insert into shop_orders (shop_id, shop_order_id) select * from unnest($1::text[], $2::text[]) on conflict do nothing
"""

LOAD_SHOP_ORDERS = """
select shop_id, shop_order_id, seen::text, read_at, reported, waiting::text, last_run, hinted_at, read_next, tries, erased
from shop_orders where (shop_id, shop_order_id) in (select * from unnest($1::text[], $2::text[]))
order by shop_id, shop_order_id for update
"""

SAVE_SHOP_ORDERS = """
update shop_orders
set seen = row.seen::jsonb, standing = row.seen::jsonb ->> 'standing', read_at = row.read_at, reported = row.reported,
    waiting = row.waiting::jsonb, last_run = row.last_run, hinted_at = row.hinted_at,
    read_next = row.read_next, tries = row.tries, erased = row.erased
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bool[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::int[], $11::bool[])
    as row (shop_id, shop_order_id, seen, read_at, reported, waiting, last_run, hinted_at, read_next, tries, erased)
where shop_orders.shop_id = row.shop_id and shop_orders.shop_order_id = row.shop_order_id
"""

CLEAR_WAITING = """
delete from waiting where (shop_id, shop_order_id) in (select * from unnest($1::text[], $2::text[]))
"""

SAVE_WAITING = """
insert into waiting (shop_id, shop_order_id, listing_id, wants)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) on conflict do nothing
"""

INSERT_ORDERS = "insert into orders (order_id) select unnest($1::text[]) on conflict do nothing"

LOAD_ORDERS = """
select order_id, shop_id, shop_order_id, status, version, private_version, parcels::text, tracking::text, postings::text
from orders where order_id = any($1::text[]) order by order_id for update
"""

SAVE_ORDERS = """
update orders
set shop_id = row.shop_id, shop_order_id = row.shop_order_id, status = row.status, version = row.version,
    private_version = row.private_version, parcels = row.parcels::jsonb, tracking = row.tracking::jsonb,
    postings = row.postings::jsonb, due_at = row.due_at
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::text[], $9::text[],
    $10::timestamptz[])
    as row (order_id, shop_id, shop_order_id, status, version, private_version, parcels, tracking, postings, due_at)
where orders.order_id = row.order_id
"""
