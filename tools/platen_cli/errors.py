"""What a user can mend, said in one line."""

from __future__ import annotations


class UserError(Exception):
    """A mistake or circumstance the user can mend; its text is one line that names what was seen and the remedy."""


class Unreachable(UserError):
    """Something that should answer does not (yet): waiting may help."""
