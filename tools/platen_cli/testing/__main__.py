"""The process that keeps one shared server: `python -m platen_cli.testing SERVER FOLDER RUN`."""

from .keeper import main

main()
