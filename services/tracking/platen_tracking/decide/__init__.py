"""What becomes of messages and of readings at the vendor. Pure."""
