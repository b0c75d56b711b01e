"""The auditor: from outside (topics, databases, the vendors' own books) it checks I1 to I8 and shows what broke them."""

from . import delivery
from .checks import audit
from .evidence import Books, Evidence, Record, Verdict, Violation
from .gather import gather
from .report import summary, told

__all__ = ["Books", "Evidence", "Record", "Verdict", "Violation", "audit", "delivery", "gather", "summary", "told"]
