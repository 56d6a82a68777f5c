"""Builds the two extension modules; everything else is in pyproject.toml.

Headers and library are looked for in this order: FBAT_INCLUDE_DIR and FBAT_LIB_DIR; FBAT_PREFIX, an
installation; this repository, after `make lib`; what pkg-config has as fbat.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
SOURCES = ["module.c", "convert.c", "view.c", "page.c", "batch.c", "call.c", "callback.c"]
# The stable ABI has no free-threaded interpreters before 3.15: there, a wheel of its own.
IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def is_library(directory: Path) -> bool:
    """Whether a library is there to be linked with."""
    return any((directory / name).exists() for name in ("libfbat.a", "libfbat.so"))


def variable(name: str) -> Path:
    """A directory of fbat.pc, or one that does not exist."""
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), f"--variable={name}", "fbat"]
    if not shutil.which(command[0]):
        return Path("/nowhere")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip() or "/nowhere")


def find() -> tuple[Path, Path]:
    """Where headers and library are. The library may be missing, where nothing is compiled."""
    environment, root = os.environ.get, HERE.parents[1]
    include, library = root / "include", root / "build" / "lib"
    if prefix := environment("FBAT_PREFIX"):
        include, library = Path(prefix, "include"), Path(prefix, "lib")
        libraries = [library, Path(prefix, "lib64"), *library.glob("*-linux-*")]
        library = next(filter(is_library, libraries), library)
    elif not (include / "fbat_ffi.h").exists() or not is_library(library):
        installed = variable("includedir"), variable("libdir")
        if (installed[0] / "fbat_ffi.h").exists():
            include, library = installed
    include = Path(environment("FBAT_INCLUDE_DIR") or include)
    library = Path(environment("FBAT_LIB_DIR") or library)
    if not (include / "fbat_ffi.h").exists():
        sys.exit(
            f"fbat: no fbat_ffi.h in {include}: install the library (`make install`), and set"
            " FBAT_PREFIX to where, or have pkg-config find fbat.pc"
        )
    return include, library


class Build(build_ext):
    """Says in time that there is nothing to link with."""

    def run(self) -> None:
        """Build both modules."""
        if not is_library(LIBRARY):
            sys.exit(f"fbat: no libfbat.a in {LIBRARY}: run `make lib`, or set FBAT_PREFIX")
        super().run()


INCLUDE, LIBRARY = find()
VERSION = re.search(
    r'^#define FBAT_VERSION "([^"]+)"', (INCLUDE / "fbat.h").read_text(), re.MULTILINE
)
assert VERSION, "fbat.h has no version"
# A source distribution was rendered from the headers of its version.
RENDERED = (
    re.search(r"^Version: (\S+)", (HERE / "PKG-INFO").read_text(), re.MULTILINE)
    if (HERE / "PKG-INFO").exists()
    else None
)
if RENDERED and RENDERED[1] != VERSION[1]:
    sys.exit(f"fbat: this is {RENDERED[1]}, and the headers in {INCLUDE} are of {VERSION[1]}")
os.environ["FBAT_INCLUDE_DIR"], os.environ["FBAT_LIB_DIR"] = str(INCLUDE), str(LIBRARY)

setup(
    version=VERSION[1],
    cmdclass={"build_ext": Build},
    cffi_modules=["cffi_build.py:ffi"],
    options={} if IS_FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
    ext_modules=[
        Extension(
            "fbat._fast",
            [f"src/c/{name}" for name in SOURCES],
            include_dirs=[str(INCLUDE)],
            depends=["src/c/module.h", "src/c/batch.h", "src/c/members.h", str(INCLUDE / "fbat.h")],
            define_macros=[] if IS_FREE_THREADED else [("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=c11", "-fvisibility=hidden", "-Wall", "-Wextra"],
            extra_link_args=["-pthread", "-Wl,--strip-debug"],
            py_limited_api=not IS_FREE_THREADED,
        )
    ],
)
