"""Rows of vendor orders and accounts: `rows` for decisions, `due` for what is to be read now."""
