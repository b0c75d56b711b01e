"""The whole system on one machine: broker, database, every service as a process of its own."""

from .process import ServiceProcess
from .settings import Given
from .stack import Stack

__all__ = ["Given", "ServiceProcess", "Stack"]
