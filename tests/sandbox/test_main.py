"""The command starts, says where it listens, and names what is wrong in one line."""

import ast
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import platen_sandbox
import pytest

COMMAND = [sys.executable, "-m", "platen_sandbox"]


def test_the_process_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    command = [*COMMAND, "--http", "127.0.0.1:0", "--state", str(tmp_path / "state.jsonl"), "--log-level", "error"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            assert httpx.get(f"{found[0]}/health", trust_env=False).json() == {"status": "ok"}
        finally:
            process.terminate()
        assert process.wait(timeout=20) in (0, -15)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--http", "nowhere"], "--http is 'nowhere'"),
        (["--http", "127.0.0.1:0", "--pace", "3-1"], "--pace is '3-1'"),
        (["--http", "127.0.0.1:0", "--state", "/nonexistent/folder/x.jsonl"], "--state is '/nonexistent/folder/x.jsonl'"),
    ],
)
def test_a_wrong_option_is_one_line_that_says_what_is_allowed(options: list[str], said: str) -> None:
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"platen-sandbox: {said}; allowed")
    assert len(done.stderr.splitlines()) == 1


def test_a_busy_port_is_one_line_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([*COMMAND, "--http", address], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "in use; stop what uses it or name another port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_sandbox_imports_nothing_else_of_platen() -> None:
    root = Path(platen_sandbox.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            foreign = [name for name in names if name.startswith("platen") and name.split(".")[0] != "platen_sandbox"]
            assert not foreign, f"{path.name} imports {foreign}"
