"""The shops outside: what sync may ask of one, whatever it runs on."""
