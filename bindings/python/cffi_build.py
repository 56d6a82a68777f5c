"""The extension module ``fbat._native``: all of include/fbat_ffi.h, with the library inside.

The library is linked statically: the wheel is then one file of machine code that needs no search
path, and that can't meet another version of libfbat.so in the same process.
"""

import os
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[2] if "__file__" in globals() else Path.cwd().parents[1]
INCLUDE = Path(os.environ.get("FBAT_INCLUDE_DIR", ROOT / "include"))
LIBRARY = Path(os.environ.get("FBAT_LIB_DIR", ROOT / "build" / "lib")) / "libfbat.a"

if not LIBRARY.exists():
    raise SystemExit(f"{LIBRARY} is missing: run `make lib` at the root of the repository first")

ffi = FFI()
ffi.cdef((INCLUDE / "fbat_ffi.h").read_text())
ffi.set_source(
    "fbat._native",
    "#include <fbat.h>",
    include_dirs=[str(INCLUDE)],
    depends=[str(LIBRARY), str(INCLUDE / "fbat.h")],
    extra_objects=[str(LIBRARY)],
    # What the Rust runtime needs, as fbat.pc says.
    libraries=["gcc_s", "util", "rt", "pthread", "m", "dl", "c"],
    # Nothing of the library is to be seen by other modules of the process.
    extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,--strip-debug"],
)
