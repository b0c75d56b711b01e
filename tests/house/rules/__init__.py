"""The rules of the house. Each takes the root of a repository and returns one line per fault: where, what, and what to do."""

from .catalogue import catalogue_equals_code, every_command_has_a_handler, handlers_match_topics
from .effects import OWN_TRANSACTIONS, handlers_never_publish, one_transaction_boundary
from .imports import contracts_import_pydantic_alone, imports_are_declared, sandbox_imports_none_of_ours
from .purity import clock_and_ids_come_in
from .rooms import rooms_are_present_and_named, unbuilt_services, variables_are_documented
from .source import Service, services

__all__ = [
    "OWN_TRANSACTIONS",
    "Service",
    "catalogue_equals_code",
    "clock_and_ids_come_in",
    "contracts_import_pydantic_alone",
    "every_command_has_a_handler",
    "handlers_match_topics",
    "handlers_never_publish",
    "imports_are_declared",
    "one_transaction_boundary",
    "rooms_are_present_and_named",
    "sandbox_imports_none_of_ours",
    "services",
    "unbuilt_services",
    "variables_are_documented",
]
