"""Records that nobody can honour: more than 60 for each topic, made from a good message of that topic."""

from .corpus import Bad, corpus, good_headers

__all__ = ["Bad", "corpus", "good_headers"]
