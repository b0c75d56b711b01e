"""What stands in a service's way right now: the body of /ready, and one log line when it changes."""

from __future__ import annotations

from dataclasses import dataclass

from .log import logger
from .metrics import READY

log = logger("health")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a part cannot work, and what helps."""

    part: str
    reason: str
    remedy: str


class Health:
    """The troubles of a service by part. Ready while there are none."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        READY.set(0)

    @property
    def ready(self) -> bool:
        return not self._troubles

    def set(self, part: str, reason: str, remedy: str = "", *, quiet: bool = False) -> None:
        """`part` cannot work. Logged when the reason is a new one; `quiet` for states that are normal at start."""
        before = self._troubles.get(part)
        self._troubles[part] = Trouble(part, reason, remedy)
        READY.set(0)
        if not quiet and (before is None or before.reason != reason):
            log.warning("not ready", trouble=part, reason=reason, remedy=remedy)

    def clear(self, part: str) -> None:
        """`part` works."""
        gone = self._troubles.pop(part, None)
        if self.ready:
            READY.set(1)
        if gone is not None:
            log.info("works", trouble_over=part)

    def as_json(self) -> dict[str, object]:
        troubles = [{"part": each.part, "reason": each.reason, "remedy": each.remedy} for each in self._troubles.values()]
        return {"ready": self.ready, "reasons": troubles}
