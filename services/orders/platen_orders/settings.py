"""Every variable that orders reads."""

from platen_messaging.settings import ServiceSettings


class Settings(ServiceSettings):
    """orders needs nothing beyond what every service needs."""
