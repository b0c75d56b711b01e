"""Shops that speak WooCommerce REST v3 and vendors that speak Printful v1, stateful, with faults on demand.

One process, any number of shops (`/shops/{shop}`) and vendor accounts (`/vendors/{account}`); `/sandbox` steers and
`/sandbox/ledger` tells what really happened. It imports nothing else of Platen, so that an adapter and the sandbox cannot
agree on a mistake.
"""
