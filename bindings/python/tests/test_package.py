"""What is true of the package as a whole: the wheel, the types, and what help() shows."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.metadata
import json
import pydoc
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
