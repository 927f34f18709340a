"""How kernels are compiled: nogil, without Python's zero-division checks, and cached on disk.

numba watches only the file that defines a kernel, so an edited helper in another file would leave stale machine code in use.
The cache folder therefore carries the hash of that file and of all that it imports from theory, likelihoods and numerics. It
lies in ``$BAYES_LABOR_CACHE``, by default ``$XDG_CACHE_HOME/bayes_labor``.
"""

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba

_HOUSE = Path(__file__).parents[2]
_IMPORT = re.compile(r"^from (bayes_labor\.(?:theory|numerics|likelihoods)[\w.]*) import ([a-z_]\w*)?", re.MULTILINE)
# An empty or relative XDG_CACHE_HOME counts as none, as its specification says: caches must not follow the working directory.
_USERS = Path(os.environ.get("XDG_CACHE_HOME", ""))
_HOME = os.environ.get("BAYES_LABOR_CACHE") or (_USERS if _USERS.is_absolute() else Path.home() / ".cache") / "bayes_labor"

# A parallel kernel loaded from a cache crashes the process unless numba's thread pool was started before.
numba.get_num_threads()


@cache
def source_hash(module: str) -> str:
    """Changes with a module and with what it imports from the rooms of kernels; also the salt of PyTensor's cache."""
    sources: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        if name not in sources:
            path = _HOUSE.joinpath(*name.split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            sources[name] = file.read_text(encoding="utf-8")
            for room, part in _IMPORT.findall(sources[name]):  # a room's name may be a module or something in it
                inside = f"{room}.{part}".rstrip(".")
                left.append(inside if _HOUSE.joinpath(*inside.split(".")).with_suffix(".py").is_file() else room)
    return hashlib.sha256("".join(sources[n] for n in sorted(sources)).encode()).hexdigest()[:12]


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a kernel lazily, with the room's conventions; ``options`` are numba's (``parallel``, ``fastmath``)."""
    if options:
        # numba's cache tells functions apart by name and line only: without its own name the parallel twin of a serial
        # kernel would be served the serial machine code.
        name = f"{function.__qualname__}_{'_'.join(options)}"
        function = FunctionType(function.__code__, function.__globals__, name, function.__defaults__, function.__closure__)
        function.__qualname__ = name
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(Path(_HOME) / source_hash(function.__module__))
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy", **options)
    finally:
        numba.config.CACHE_DIR = before


def by_threads(function: Callable[..., Any]) -> Callable[[int], Callable[..., Any]]:
    """Serial and parallel twin of a kernel, picked by the number of threads.

    The serial one is not merely the parallel one with a single thread: numba's default thread pool does not allow that several
    chains, each in a thread of its own, start parallel kernels at once.
    """
    serial, parallel = compiled(function), compiled(function, parallel=True)
    return lambda threads: serial if threads == 1 else parallel


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a serial kernel with exact float semantics."""
    return compiled(function)


# numba counts references to every array of every tuple at every call, with atomic operations: more than the arithmetic of a
# workplace costs. A kernel that allocates nothing borrows its arrays and needs no counts.
def leaf(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a serial kernel that allocates and returns no arrays."""
    return compiled(function, _nrt=False, forceinline=True)


def fused_leaf(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a leaf whose multiplications and additions may be fused; sums keep their order, whatever calls it."""
    return compiled(function, _nrt=False, fastmath={"contract"})


def reordering_leaf(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a leaf whose sums the compiler may reorder, to take several terms at once; the same in every call."""
    return compiled(function, _nrt=False, forceinline=True, fastmath={"contract", "reassoc"})
