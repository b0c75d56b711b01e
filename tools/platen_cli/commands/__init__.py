"""One thin module per sub-command: options in, the library does it, words out."""
