"""The folder that keeps the compiled loop never breaks a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fencepost.kernel import code_cache, native_loop

ROOT = Path(__file__).resolve().parents[3]
CODE = (
    "import sys\n"
    "from fencepost.engines.explore import explore\n"
    "from tests.unit.kernel.slot_protocol import slot_protocol\n"
    "s = slot_protocol(2, 1, 1)\n"
    "print(explore(s, s.designs[0]).answer.states, 'numba' in sys.modules)\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that is tried."""
    chosen = tmp_path / "cache"
    monkeypatch.setattr(code_cache, "folders", lambda: iter([chosen]))
    return chosen


def run(cache: Path, home: Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG", "NUMBA"))}
    environment |= {"FENCEPOST_CACHE_DIR": str(cache), "HOME": str(home), "TMPDIR": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_stored_is_fetched(folder: Path) -> None:
    assert code_cache.fetch("key") is None
    assert code_cache.store("key", b"machine code")
    assert code_cache.fetch("key") == b"machine code"
    assert [p.name for p in folder.iterdir()] == ["key"]


@pytest.mark.parametrize("damage", [b"", b"fencepost code 1\n", b"x" * 100])
def test_a_damaged_file_is_no_code(folder: Path, damage: bytes) -> None:
    code_cache.store("key", b"machine code")
    (folder / "key").write_bytes(damage)
    assert code_cache.fetch("key") is None


def test_a_flipped_bit_is_noticed(folder: Path) -> None:
    code_cache.store("key", b"machine code")
    content = bytearray((folder / "key").read_bytes())
    content[-1] ^= 1
    (folder / "key").write_bytes(content)
    assert code_cache.fetch("key") is None


def test_a_folder_that_others_may_write_to_is_not_trusted(folder: Path) -> None:
    code_cache.store("key", b"machine code")
    folder.chmod(0o777)
    assert code_cache.fetch("key") is None
    assert not code_cache.store("other", b"machine code")


def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> object:
        raise OSError(28, "No space left on device")

    folder.mkdir(mode=0o700)
    monkeypatch.setattr(code_cache.os, "fdopen", full)
    assert not code_cache.store("key", b"machine code")
    assert list(folder.iterdir()) == []


def test_a_file_where_the_folder_should_be(folder: Path) -> None:
    folder.write_text("not a folder")
    assert code_cache.fetch("key") is None
    assert not code_cache.store("key", b"machine code")


def test_the_loop_runs_where_nothing_can_be_stored(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("not a folder")
    made: list[str] = []
    text = native_loop.loop_as_text()
    monkeypatch.setattr(native_loop, "loop_as_text", lambda: made.append("") or text)
    for _ in range(2):
        native_loop.bind(native_loop.machine_code_of_loop())
    assert len(made) == 2


def test_the_folders_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FENCEPOST_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert next(code_cache.folders()) == Path("/home/somebody/.cache/fencepost")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/numba")
    assert next(code_cache.folders()) == Path("/numba")
    monkeypatch.setenv("FENCEPOST_CACHE_DIR", "/ours")
    assert next(code_cache.folders()) == Path("/ours")


def test_processes_that_start_at_once_with_an_empty_cache(tmp_path: Path) -> None:
    cache, home = tmp_path / "cache", tmp_path / "home"
    home.mkdir()
    running = [run(cache, home) for _ in range(4)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert out == "109 True\n", err
    out, err = run(cache, home).communicate(timeout=120)
    assert out == "109 False\n", err
    assert len(list(cache.iterdir())) == 1


def test_a_cache_folder_that_cannot_be_used(tmp_path: Path) -> None:
    cache, home = tmp_path / "cache", tmp_path / "home"
    cache.write_text("a file in the way")
    home.mkdir()
    (home / ".cache").write_text("another one")
    for expected in ("109 True\n", "109 False\n"):  # the temporary folder serves the second run
        out, err = run(cache, home).communicate(timeout=120)
        assert out == expected, err


def test_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    cache, home = tmp_path / "cache", tmp_path / "home"
    home.mkdir()
    run(cache, home).communicate(timeout=120)
    (kept,) = cache.iterdir()
    kept.write_bytes(b"garbage")
    assert run(cache, home).communicate(timeout=120)[0] == "109 True\n"
    assert run(cache, home).communicate(timeout=120)[0] == "109 False\n"
