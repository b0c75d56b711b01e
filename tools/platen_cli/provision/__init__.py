"""Makes a broker and a database cluster ready for the services: topics, roles, databases, migrations."""

from .databases import Passwords, database_url, ensure_database, migrate, role_name
from .topics import TopicReport, TopicState, delete_topics, describe_topics, provision_topics

__all__ = [
    "Passwords",
    "TopicReport",
    "TopicState",
    "database_url",
    "delete_topics",
    "describe_topics",
    "ensure_database",
    "migrate",
    "provision_topics",
    "role_name",
]
