"""The vendors: an adapter per account, and what one turn does there."""
