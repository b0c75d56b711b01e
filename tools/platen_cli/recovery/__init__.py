"""Putting right what went wrong: paused lanes, dead letters, failed dispatches, topics that lost records."""
