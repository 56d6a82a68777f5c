"""What is true of the package as a whole: the wheel, the types, and what help() shows."""

from __future__ import annotations

import builtins
import ctypes
import dataclasses
import importlib.metadata
import json
import os
import pydoc
import subprocess
import sys
import tarfile
import tomllib
import typing
from pathlib import Path

import pytest

import fbat
from fbat import _fast, _native
from fbat._native import ffi, lib

from conftest import ROOT

PACKAGE = Path(fbat.__file__).parent
BINDING = Path(ROOT, "bindings/python")


def test_the_tests_run_on_the_installed_package() -> None:
    assert "site-packages" in PACKAGE.parts


def test_the_version_is_that_of_the_crate() -> None:
    crate = tomllib.loads(Path(ROOT, "Cargo.toml").read_text())["package"]["version"]
    assert fbat.__version__ == importlib.metadata.version("fbat") == crate


def test_what_is_rendered_is_in_the_package() -> None:
    for name in ("_enums.py", "_structs.py", "_native.pyi", "_fast.pyi"):
        assert (PACKAGE / name).read_text() == (BINDING / "src/fbat" / name).read_text()
    assert (PACKAGE / "py.typed").exists()


def test_the_native_module_is_that_of_the_header() -> None:
    api = json.loads(Path(ROOT, "build/api.json").read_text())
    assert {f["name"] for f in api["functions"]} == {n for n in dir(lib) if n.startswith("fbat_")}
    numbers = {c["name"]: c["value"] for c in api["constants"] if c["type"] != "string"}
    assert numbers == {name: getattr(lib, name) for name in dir(lib) if name.startswith("FBAT_")}
    for type_ in api["types"]:
        if type_["kind"] == "struct":
            assert ffi.sizeof(type_["name"]) == type_["size"]
            for member in type_["members"]:
                assert ffi.offsetof(type_["name"], member["name"]) == member["offset"]


def test_the_extension_modules_are_of_the_stable_abi() -> None:
    for module in (_native, _fast):
        assert Path(str(module.__file__)).name.endswith(".abi3.so")


def test_everything_public_is_exported_and_documented() -> None:
    assert sorted(fbat.__all__, key=str.swapcase) == sorted(set(fbat.__all__), key=str.swapcase)
    for name in fbat.__all__:
        value = getattr(fbat, name)
        if isinstance(value, type):
            assert value.__doc__, name
            for member, attribute in vars(value).items():
                if isinstance(attribute, property) or (
                    callable(attribute) and not member.startswith("_")
                ):
                    assert attribute.__doc__, f"{name}.{member}"
        elif callable(value) and not name[0].isupper():
            assert value.__doc__, name


@pytest.mark.parametrize(
    "name",
    [name for name in fbat.__all__ if dataclasses.is_dataclass(getattr(fbat, name))]
    + [name for name in fbat.__all__ if typing.is_typeddict(getattr(fbat, name))]
    + ["Error"],
)
def test_help_tells_of_every_member(name: str) -> None:
    cls = getattr(fbat, name)
    text = pydoc.plain(pydoc.render_doc(cls))
    elsewhere = {"_", *(fbat.Region.__annotations__ if "``Region``" in text else ())}
    for member in cls.__annotations__:
        assert member in elsewhere or f"- ``{member}``: " in text, member


def test_symbols_of_the_library_stay_inside() -> None:
    with pytest.raises(AttributeError):
        _ = ctypes.CDLL(str(_native.__file__)).fbat_store_open
    for module in (_native, _fast):
        command = ["nm", "-D", "--defined-only", "--format=just-symbols", str(module.__file__)]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        name = module.__name__.removeprefix("fbat.")
        assert [symbol for symbol in found if not symbol.startswith("_cffi_pypyinit")] == [
            f"PyInit_{name}"
        ]


def test_a_star_import_brings_what_is_public_and_no_more() -> None:
    names: dict[str, object] = {}
    exec("from fbat import *", names)
    assert {*names} - {"__builtins__"} == {*fbat.__all__}
    public = {name for name in vars(fbat) if not name.startswith("_")}
    assert public == {*fbat.__all__}
    assert not public & {*dir(builtins)}


def test_the_package_says_what_it_is() -> None:
    about = importlib.metadata.metadata("fbat")
    assert about["License-Expression"] == "MIT OR Apache-2.0"
    files = importlib.metadata.files("fbat") or []
    assert {file.parts[0].split("-")[0] for file in files} == {"fbat"}
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert name in about.get_all("License-File", [])
        (kept,) = (file for file in files if file.name == name)
        assert kept.read_text() == Path(ROOT, name).read_text()
    urls = [url.split(", ")[1] for url in about.get_all("Project-URL", [])]
    assert urls
    assert all(url.startswith("https://") for url in urls)
    classifiers = about.get_all("Classifier", [])
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 14)} <= {*classifiers}


def test_the_source_distribution_is_whole(tmp_path: Path) -> None:
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", build, str(tmp_path)]
    subprocess.run(command, cwd=BINDING, check=True, capture_output=True)
    (path,) = tmp_path.glob("fbat-*.tar.gz")
    with tarfile.open(path) as archive:
        members = {m.name.split("/", 1)[1]: m for m in archive.getmembers() if "/" in m.name}
        licence = archive.extractfile(members["LICENSE-MIT"])
        assert licence is not None
        assert licence.read() == Path(ROOT, "LICENSE-MIT").read_bytes()
    sources = [file for file in Path(BINDING, "src").rglob("*") if "egg-info" not in str(file)]
    wanted = {str(file.relative_to(BINDING)) for file in sources if file.is_file()}
    wanted -= {name for name in wanted if "__pycache__" in name}
    wanted |= {"setup.py", "cffi_build.py", "pyproject.toml", "README.md", "LICENSE-APACHE"}
    assert wanted <= {*members}
    # Away from the repository, it says what it needs.
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    done = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=next(tmp_path.glob("fbat-*/")),
        env={"PATH": os.environ["PATH"], "FBAT_PREFIX": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"no fbat_ffi.h in {tmp_path}/include: install the library" in done.stderr


def test_a_second_import_works_beside_the_first(tmp_path: Path) -> None:
    # As test runners do it that load modules anew.
    program = """if True:
        import sys
        import fbat
        first, at = fbat, sys.argv[1]
        old = fbat.Store(f"{at}/old")
        page, receipt = old.query(), old.append(fbat.Event("a", "b", 0x1001, expect=0))
        for name in [name for name in sys.modules if name.startswith("fbat")]:
            del sys.modules[name]
        import fbat
        assert fbat is not first
        present = first.Event("a", "b", 0x1001, expect=first.Expect.PRESENT)
        with fbat.Store(f"{at}/new") as new, old:
            new.append(fbat.Event("a", "b", 0x1001))
            for store in (old, new):
                assert store.append(present).version == 2
            itself = fbat.ImportFlags.ALLOW_SELF
            assert new.import_from(new, "n", flags=itself, filter=bool).imported == 2
            assert old.get(receipt.id).version == 1
        print(len(page), first.live_handles(), fbat.live_handles())
    """
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program, str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0 3 3\n"), done.stderr
