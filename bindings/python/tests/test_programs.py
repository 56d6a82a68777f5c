"""The README's examples, and the programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fbat

from conftest import ROOT, event, python

BINDING = Path(ROOT, "bindings/python")
EXAMPLES = Path(ROOT, "examples/python")
QUAKES_INPUT = "examples/data/earthquakes.jsonl"


def run(*command: str | Path, cwd: Path | str | None = None, stdin: str = "") -> str:
    done = subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not (BINDING / "README.md").exists(), reason="no README")
def test_the_readmes_examples_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```python\n(.*?)^```", (BINDING / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) > 5
    names: dict[str, object] = {"__name__": "readme"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"README example {number}", "exec"), names)
    names.clear()


def test_the_docstrings_example_runs(tmp_path: Path) -> None:
    run(*python("-m", "doctest", str(Path(fbat.__file__))), cwd=tmp_path)


def interplay(*arguments: str | Path, stdin: str = "") -> list[str]:
    return run(*python(str(BINDING / "interplay.py")), *arguments, stdin=stdin).splitlines()


def test_interplay_reads_what_it_writes_imports_it_and_decodes_its_frames(tmp_path: Path) -> None:
    assert interplay("write", tmp_path / "a") == []
    lines = interplay("read", tmp_path / "a")
    assert len(lines) == 300
    assert [len(line.split(" ")) for line in lines] == [14] * 300
    assert interplay("import", tmp_path / "a", tmp_path / "b") == [
        "imported 180 deduplicated 0 filtered 120 reserved 1 conflicts 0 watermark 301"
    ]
    assert interplay("import", tmp_path / "a", tmp_path / "b") == [
        "imported 0 deduplicated 180 filtered 120 reserved 1 conflicts 0 watermark 301"
    ]
    frames = interplay("frame", tmp_path / "b")
    decoded = [
        line.split(" ")
        for line in interplay("decode", stdin="".join(f"{frame}\n" for frame in frames))
    ]
    theirs = {fields[7]: fields for fields in (line.split(" ") for line in lines)}
    assert len(decoded) == 180
    for namespace, event_id, sequence, kind, content_hash in decoded:
        fields = theirs[event_id]
        assert namespace == "interplay/source"
        assert [sequence, kind, content_hash] == [fields[0], fields[3], fields[12]]


def test_bench_prints_three_figures(tmp_path: Path) -> None:
    lines = run(*python(str(BINDING / "bench.py")), tmp_path, "1000").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["append_batch", "page_scan", "import_filter"]
    assert all(float(line.split(" ")[1]) > 0 for line in lines)


def c_quakes(tmp_path: Path) -> Path:
    """The demo in C."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    sources = [Path(ROOT, "examples/c", name) for name in ("quakes.c", "json.c", "table.c")]
    library = Path(ROOT, "build/lib")
    flags = [
        "-std=c11",
        f"-I{ROOT}/include",
        f"-L{library}",
        f"-Wl,-rpath,{library}",
        "-lfbat",
        "-lm",
    ]
    run(compiler, *sources, "-o", tmp_path / "quakes", *flags)
    return tmp_path / "quakes"


def test_quakes_prints_what_the_program_in_c_prints(tmp_path: Path) -> None:
    expected = run(c_quakes(tmp_path), QUAKES_INPUT, tmp_path / "c", cwd=ROOT)
    found = run(*python(str(EXAMPLES / "quakes.py")), QUAKES_INPUT, tmp_path / "python", cwd=ROOT)
    assert found == expected
    assert found.count("\n") > 100


def test_quakes_wants_a_fresh_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        python(str(EXAMPLES / "quakes.py"), QUAKES_INPUT, str(tmp_path)),
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"quakes: {tmp_path}: File exists; this program wants a fresh start\n"


def test_a_progress_bar_shows_an_import(tmp_path: Path) -> None:
    with fbat.Store(tmp_path / "source", durability=fbat.Durability.OS) as store:
        for _ in range(4):
            store.append_batch([event(i) for i in range(500)], receipts=False)
    command = [
        *python(str(EXAMPLES / "progress.py")),
        str(tmp_path / "source"),
        str(tmp_path / "destination"),
        "n",
    ]
    for expected in ("2000 imported, 0 were there\n", "0 imported, 2000 were there\n"):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == expected
        assert "2001/2001" in done.stderr


def test_the_wheel_works_in_a_process_that_knows_nothing_else(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"]}
    program = """if True:
        import fbat, sys
        with fbat.Store(sys.argv[1]) as store:
            store.append(fbat.Event("a", "b", 0x1001))
    """
    subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path / "s")],
        check=True,
        env=environment,
        cwd=tmp_path,
    )
