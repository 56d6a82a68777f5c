"""Builds the two extension modules; everything else is in pyproject.toml."""

import os
import re
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = Path(os.environ.get("FBAT_INCLUDE_DIR", ROOT / "include"))
VERSION = re.search(
    r'^#define FBAT_VERSION "([^"]+)"', (INCLUDE / "fbat.h").read_text(), re.MULTILINE
)
assert VERSION, "fbat.h has no version"

SOURCES = ["module.c", "convert.c", "view.c", "page.c", "batch.c", "call.c", "callback.c"]

setup(
    version=VERSION[1],
    cffi_modules=["cffi_build.py:ffi"],
    ext_modules=[
        Extension(
            "fbat._fast",
            [f"src/c/{name}" for name in SOURCES],
            include_dirs=[str(INCLUDE)],
            depends=["src/c/module.h", "src/c/batch.h", "src/c/members.h", str(INCLUDE / "fbat.h")],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra"],
            py_limited_api=True,
        )
    ],
)
