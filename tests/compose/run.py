"""`make test-compose`: the deployment for one host, built, run, disturbed and taken down.

    python -m tests.compose.run [--keep]

Needs a Docker engine. `--keep` leaves the project up to look at, and prints how to end it.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import httpx

from .deployment import OURS, Deployment, Stopwatch, Wrong, tell

TAIL = 40
ORDERS_UNDER_LOAD = 30
LINES_BEFORE_RESTART = 15
UID = "10001"
TOKEN = "dev-only-console-token"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compose.run", description="Tries docker-compose.yml for real.")
    parser.add_argument("--keep", action="store_true", help="leave everything up to look at")
    keep: bool = parser.parse_args().keep
    # So that `make` interrupted, or a CI job cancelled, takes everything down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    watch = Stopwatch()
    deployment = Deployment(keep=keep)
    with deployment:
        try:
            _try_everything(deployment, watch)
        except (Wrong, subprocess.CalledProcessError, httpx.HTTPError) as wrong:
            _tell_failure(deployment, wrong)
            return 1
        finally:
            if keep:
                tell(f"kept: docker compose -p {deployment.project} down -v  ends it")
    watch.lap("taken down")
    if not keep and (left := deployment.left_behind()):
        tell(f"left behind: {', '.join(left)}")
        return 1
    tell(f"test-compose: all as it should be, {watch.total():.0f} s")
    return 0


def _try_everything(deployment: Deployment, watch: Stopwatch) -> None:
    deployment.compose("--profile", "demo", "build")
    watch.lap("images built")
    deployment.compose("up", "--wait", "--wait-timeout", "180")
    watch.lap("up, and every service ready")
    _check_containers(deployment)
    _check_published(deployment)
    watch.lap("containers looked at: unprivileged, healthy, on loopback alone")
    told = _play(deployment, 25, "first.json")
    watch.lap(f"demo: {told['orders']} orders of {told['shop_orders']} shop orders, {told['statuses']}")
    _check_console(deployment)
    watch.lap("the console shows them")
    told = _play(deployment, ORDERS_UNDER_LOAD, "second.json", restart="orders")
    watch.lap(f"demo with orders restarted in the middle: {told['orders']} orders, {told['statuses']}")
    deployment.compose("run", "--rm", "--no-TTY", "setup")
    watch.lap("set up a second time")
    _check_containers(deployment)
    _check_logs(deployment)
    _check_stop(deployment)
    watch.lap("stopped in good order, no traceback in any log")


def _play(deployment: Deployment, orders: int, report: str, restart: str | None = None) -> dict[str, Any]:
    """A demo run to its end; a service may be restarted once the orders are on their way. Returns the demo's report."""
    seen: list[str] = []
    with deployment.playing(orders, report) as run:
        assert run.stdout is not None
        for line in run.stdout:
            seen.append(line.rstrip())
            if restart is not None and sum("│ #" in each for each in seen) == LINES_BEFORE_RESTART:
                deployment.compose("restart", restart)
                if run.poll() is not None:
                    raise Wrong(f"{restart} was restarted only after the demo had ended", (restart,))
                restart = None
        code = run.wait()
    if code:
        raise Wrong(f"the demo exited {code}:\n" + "\n".join(seen[-TAIL:]), OURS)
    if restart is not None:
        raise Wrong(f"the demo ended before {restart} was restarted", (restart,))
    return deployment.report(report)


def _check_containers(deployment: Deployment) -> None:
    containers = deployment.containers()
    for name in OURS:
        state = containers[name]["State"]
        if state["Health"]["Status"] != "healthy" or containers[name]["RestartCount"] or state["OOMKilled"]:
            raise Wrong(f"{name}: {state['Health']['Status']}, {containers[name]['RestartCount']} restarts", (name,))
        user = deployment.compose("exec", "--no-TTY", name, "id", "-u").strip()
        if user != UID:
            raise Wrong(f"{name} runs as user {user}, not {UID}", (name,))
    if code := containers["setup"]["State"]["ExitCode"]:
        raise Wrong(f"setup exited {code}", ("setup",))
    for name, container in containers.items():
        bindings = [each for port in (container["HostConfig"]["PortBindings"] or {}).values() for each in port]
        if far := [each["HostIp"] for each in bindings if each["HostIp"] != "127.0.0.1"]:
            raise Wrong(f"{name} is published on {far}, not on loopback alone")


def _check_published(deployment: Deployment) -> None:
    """From this host each published service answers."""
    with httpx.Client(trust_env=False, timeout=10) as client:
        for name in ("sync", "render", "tracking", "console"):
            answer = client.get(f"http://127.0.0.1:{deployment.port(name)}/ready")
            if answer.status_code != 200:
                raise Wrong(f"{name} is not ready: {answer.text[:300]}", (name,))


def _check_console(deployment: Deployment) -> None:
    """The console shows the demo's orders to whoever has the token, and to nobody else."""
    origin = f"http://127.0.0.1:{deployment.port('console')}"
    with httpx.Client(base_url=origin, headers={"Origin": origin}, trust_env=False, timeout=10) as client:
        stranger = client.get("/orders")
        if stranger.status_code != 303 or "/login" not in stranger.headers["location"]:
            raise Wrong(f"the console answers {stranger.status_code} to a stranger", ("console",))
        client.post("/login", data={"operator": "tester", "token": TOKEN, "next": "/orders"})
        page = client.get("/orders")
        if page.status_code != 200 or "Fulfilled" not in page.text:
            raise Wrong(f"the console answers {page.status_code} to an operator, or shows no orders", ("console",))


def _check_logs(deployment: Deployment) -> None:
    for name in (*OURS, "setup"):
        if "Traceback (most recent call last)" in deployment.logs(name):
            raise Wrong(f"{name} logged a traceback", (name,))


def _check_stop(deployment: Deployment) -> None:
    """SIGTERM is enough: nobody is killed after the grace period, and each service says that it ended well."""
    deployment.compose("stop", *OURS)
    codes = {name: deployment.containers()[name]["State"]["ExitCode"] for name in OURS}
    # The sandbox's web server ends in good order by the signal itself.
    if bad := {name: code for name, code in codes.items() if code not in ((0, 143) if name == "sandbox" else (0,))}:
        raise Wrong(f"stopped with exit codes {bad}", tuple(bad))


def _tell_failure(deployment: Deployment, wrong: Exception) -> None:
    tell(f"test-compose: {wrong}")
    services: Sequence[str] = wrong.services if isinstance(wrong, Wrong) else OURS
    for name in services:
        tell(f"--- the last lines of {name}")
        tell(deployment.logs(name, TAIL).rstrip())


if __name__ == "__main__":
    sys.exit(main())
