"""The decisions of sync, one module per subject; all pure: the clock and ids come in as arguments."""
