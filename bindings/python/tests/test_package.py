"""What is true of the package as a whole: the wheel, the types, and that nothing of the header is out of reach."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.metadata
import pydoc
import re
import runpy
import tomllib
from pathlib import Path

import pytest

import fbat
from fbat import _fast, _native

from conftest import ROOT

PACKAGE = Path(fbat.__file__).parent
BINDING = Path(ROOT, "bindings/python")
HEADER = Path(ROOT, "include/fbat_ffi.h").read_text()

# Functions of the header that Python does without.
WITHOUT_USE = {
    # struct() in _handle.py zeroes and sets the size, which is all that they do.
    *(f"fbat_{name}_init" for name in (
        "backup_report", "event", "finding", "frontier", "head", "import_report", "loss", "open_report", "receipt",
        "repair_totals", "stats", "verify_totals",
    )),
    # bytes.hex() writes the same text (test_id.py compares), and works in a forked child.
    "fbat_id_to_hex", "fbat_hash_to_hex",
    # The properties of ImportOptions give back the Python object, not the pointer that stands for it.
    "fbat_import_options_get_cancel", "fbat_import_options_get_filter", "fbat_import_options_get_filter_user_data",
    "fbat_import_options_get_progress", "fbat_import_options_get_progress_user_data",
}  # fmt: skip


def sources() -> str:
    return "".join(path.read_text() for path in PACKAGE.glob("*.py"))


def test_the_tests_run_on_the_installed_package() -> None:
    assert "site-packages" in PACKAGE.parts


def test_the_version_is_that_of_the_crate() -> None:
    crate = tomllib.loads(Path(ROOT, "Cargo.toml").read_text())["package"]["version"]
    assert fbat.__version__ == importlib.metadata.version("fbat") == crate


def test_every_function_of_the_header_is_used_or_has_a_reason_not_to_be() -> None:
    functions = set(re.findall(r"^\w[^();]*?\b(fbat_\w+)\(", HEADER, re.MULTILINE))
    assert len(functions) > 150
    used = set(re.findall(r"\blib\.(fbat_\w+)", sources()))
    assert used <= functions
    assert functions - used == WITHOUT_USE


def test_every_constant_of_the_header_is_used() -> None:
    constants = set(re.findall(r"^  (FBAT_\w+) =", HEADER, re.MULTILINE))
    used = set(re.findall(r"\blib\.(FBAT_\w+)", sources()))
    # FBAT_EVENT_HAS_TIMESTAMP is batch.c's; the sizes of texts are of no use where texts have none.
    assert constants - used == {"FBAT_EVENT_HAS_TIMESTAMP", "FBAT_ID_HEX_SIZE", "FBAT_HASH_HEX_SIZE"}


def test_the_types_of_the_native_module_are_those_of_the_header() -> None:
    fresh = runpy.run_path(str(BINDING / "make_stub.py"))["main_text"]()
    assert (PACKAGE / "_native.pyi").read_text() == fresh
    assert (PACKAGE / "py.typed").exists()


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
                if isinstance(attribute, property) or (callable(attribute) and not member.startswith("_")):
                    assert attribute.__doc__, f"{name}.{member}"
        elif callable(value) and not name[0].isupper():
            assert value.__doc__, name


@pytest.mark.parametrize(
    "name", [name for name in fbat.__all__ if dataclasses.is_dataclass(getattr(fbat, name))] + ["Error"]
)
def test_help_tells_of_every_member(name: str) -> None:
    cls = getattr(fbat, name)
    text = pydoc.plain(pydoc.render_doc(cls))
    for member in cls.__annotations__:
        assert member == "_" or f"- ``{member}``: " in text, member


def test_symbols_of_the_library_stay_inside() -> None:
    with pytest.raises(AttributeError):
        _ = ctypes.CDLL(str(_native.__file__)).fbat_store_open
