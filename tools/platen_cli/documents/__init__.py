"""Documents drawn from the catalogue and the settings: `platen docs` writes them, a test says when they are out of date."""

from .asyncapi import asyncapi_yaml
from .flow import flow_diagram
from .pages import documents, stale, write
from .settings_page import settings_page
from .topics_page import topics_page

__all__ = ["asyncapi_yaml", "documents", "flow_diagram", "settings_page", "stale", "topics_page", "write"]
