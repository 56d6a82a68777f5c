"""build/api.json for the scripts beside this file: the description of the C interface.

scripts/header/src/api.rs says what is in it.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def load():
    """The description, written again where src/ffi is newer."""
    subprocess.run([ROOT / "scripts/api"], check=True)
    return json.loads((ROOT / "build/api.json").read_text())


def functions(api):
    return [function["name"] for function in api["functions"]]


def structs(api):
    return [item["name"] for item in api["types"] if item["kind"] == "struct"]


def sized(api):
    """The structs with a struct_size whose memory is the caller's."""
    return [
        item["name"]
        for item in api["types"]
        if item.get("sized") and item["made_by"] == "caller"
    ]


def declaration(member):
    """A member or parameter as C declares it."""
    base, bracket, length = member["type"].partition("[")
    space = "" if base.endswith("*") else " "
    return f"{base}{space}{member['name']}{bracket}{length}"


if __name__ == "__main__":
    # For scripts of the shell: names, one a line.
    print(*{"functions": functions, "sized": sized}[sys.argv[1]](load()), sep="\n")
