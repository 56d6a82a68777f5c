#!/usr/bin/env bash
# One epoll takes 500 epolls that watch the same file, and refuses the next with EINVAL.
#
# Seen with Linux 6.18 and CPython 3.11, x86-64.
#
# Libraries hand out an epoll as the one descriptor that a program polls. Where each of them has the
# same file inside, as an inotify or an eventfd that is shared, the kernel counts the ways that lead
# from that file outwards: 1,000 of length 1, 500 of length 2, 100, 50 and 10 of lengths 3 to 5
# (path_limits in fs/eventpoll.c). Epolls with a file of their own each are not limited so.
set -euo pipefail
command -v python3 >/dev/null || { echo "missing: python3"; exit 2; }
uname -sr
python3 --version
python3 - <<'PY'
import errno
import os
import resource
import select
import sys

resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def taken(shares: bool) -> str:
    """How many of 600 epolls an outer one takes, and what it says to the next."""
    outer, kept, file = select.epoll(), [], os.eventfd(0)
    for number in range(600):
        inner = select.epoll()
        kept.append(inner)
        own = file if shares else os.eventfd(0)
        inner.register(own, select.EPOLLIN)
        try:
            outer.register(inner.fileno(), select.EPOLLIN)
        except OSError as error:
            return f"{number}, then {errno.errorcode[error.errno]}"
    return "600"


found = f"with one file: {taken(True)}; with a file each: {taken(False)}"
print(found)
if found != "with one file: 500, then EINVAL; with a file each: 600":
    sys.exit("changed")
PY
