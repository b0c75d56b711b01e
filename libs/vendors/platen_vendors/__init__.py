"""Print vendors: one neutral model, one adapter per vendor."""
