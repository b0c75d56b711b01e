"""Pure decisions: what was asked, how turns begin and end, and what a turn is to do."""
