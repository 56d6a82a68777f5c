"""An embedded, append-only event store with exactly-once import.

>>> import fbat, tempfile
>>> with tempfile.TemporaryDirectory() as directory, fbat.Store(f"{directory}/lamps") as store:
...     receipt = store.append(fbat.Event("lamp:kitchen", "home", fbat.kind(1, 1), b"on"))
...     [(record.entity, record.payload) for record in store]
[('lamp:kitchen', b'on')]
"""

try:
    from fbat import _fast as _fast
except ImportError as _refused:
    if "subinterpreter" not in str(_refused):
        raise
    raise ImportError(
        "fbat works in the main interpreter only, as cffi does: use threads or processes"
    ) from _refused
from fbat import (
    _enums,
    _error,
    _follow,
    _id,
    _log,
    _page,
    _provenance,
    _region,
    _store,
    _structs,
    _version,
)
from fbat._enums import *
from fbat._error import *
from fbat._follow import *
from fbat._id import *
from fbat._log import *
from fbat._page import *
from fbat._provenance import *
from fbat._region import *
from fbat._store import *
from fbat._structs import *
from fbat._version import *

__all__: list[str] = []
__all__ += _enums.__all__
__all__ += _error.__all__
__all__ += _follow.__all__
__all__ += _id.__all__
__all__ += _log.__all__
__all__ += _page.__all__
__all__ += _provenance.__all__
__all__ += _region.__all__
__all__ += _store.__all__
__all__ += _structs.__all__
__all__ += _version.__all__

__version__ = _version.version()
