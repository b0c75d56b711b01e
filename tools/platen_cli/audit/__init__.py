"""The auditor: from outside (topics, databases, the vendors' own books) it checks I1 to I8 and shows what broke them."""

from . import delivery
from .checks import audit
from .evidence import Books, Evidence, Record, Verdict, Violation
from .gather import gather
from .looking import audit_twice
from .report import summary, told

__all__ = ["Books", "Evidence", "Record", "Verdict", "Violation", "audit", "audit_twice", "delivery", "gather", "summary", "told"]
