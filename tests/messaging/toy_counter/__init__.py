"""A service as small as can be: one total per counter. Tests of delivery run it on the real broker and database."""
