"""The extension module ``fbat._native``: all of include/fbat_ffi.h, with the library inside.

The library is linked statically where it can be: the wheel is then one file of machine code that
needs no search path, and that can't meet another version of libfbat.so in the same process.
"""

import os
from pathlib import Path
from typing import Any

from cffi import FFI

# setup.py says where.
INCLUDE, LIBRARY = Path(os.environ["FBAT_INCLUDE_DIR"]), Path(os.environ["FBAT_LIB_DIR"])
ARCHIVE = LIBRARY / "libfbat.a"
SHARED: dict[str, Any] = {
    "libraries": ["fbat"],
    "library_dirs": [str(LIBRARY)],
    "runtime_library_dirs": [str(LIBRARY)],
}
STATIC: dict[str, Any] = {
    "depends": [str(ARCHIVE), str(INCLUDE / "fbat.h")],
    "extra_objects": [str(ARCHIVE)],
    # What the Rust runtime needs, as fbat.pc says.
    "libraries": ["gcc_s", "util", "rt", "pthread", "m", "dl", "c"],
    # Nothing of the library is to be seen by other modules of the process.
    "extra_link_args": ["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,--strip-debug"],
}

ffi = FFI()
ffi.cdef((INCLUDE / "fbat_ffi.h").read_text())
ffi.set_source(
    "fbat._native",
    "#include <fbat.h>",
    include_dirs=[str(INCLUDE)],
    **(STATIC if ARCHIVE.exists() or not (LIBRARY / "libfbat.so").exists() else SHARED),
)
