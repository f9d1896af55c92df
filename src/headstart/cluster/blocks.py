"""Blocks of work done by Ray's actors, whose tables come back as Parquet files.

An actor holds what works, such as a backbone, and takes one block after another. It writes a
block's table into a folder that all machines reach, and Ray tells only which file is done: so the
memory of Ray's store does not grow with the features. Where an actor or its machine is lost, Ray
gives its blocks to another.
"""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.cache_folder import cache_folder
from headstart.cluster.session import LOCAL, ray_session
from headstart.errors import DataError, HeadstartError, UsageError
from headstart.images.address import Url, location
from headstart.outputs.staging import abandoned, discard, staging
from headstart.progress import Progress
from headstart.wording import plural

if TYPE_CHECKING:
    import pyarrow

Work = Callable[[list[Any]], "pyarrow.Table"]  # what an actor does with the items of a block

MOST_BLOCKS = 4096  # Ray keeps an entry for each
BLOCKS_AN_ACTOR = 4  # at least, so that none waits long for the last one
LARGEST = 128  # items of a block, as long as there are not more than MOST_BLOCKS


@dataclass(frozen=True)
class Place:
    """Where the work is done.

    Attributes:
        address: of the cluster; see `ray_session`.
        folder: path or address that all machines reach; None for one in the cache folder.
        actors: how many there are at most; None for one a core, or one a GPU.
        on_gpu: each actor takes a GPU.
    """

    address: str
    folder: str | None = None
    actors: int | None = None
    on_gpu: bool = False


def done_blocks(
    make: Callable[[int], Work], items: Sequence[Any], place: Place, progress: Progress
) -> Iterator[pyarrow.Table]:
    """Tables of all blocks of `items`, in the order in which they are done.

    Args:
        make: makes what works in an actor with so many cores; both are pickled.
        items: what there is to do; they are pickled block by block.
        place: where.
        progress: told how many actors there are.

    Raises the HeadstartError that a block's work raised, OSError for a folder that cannot
    be written, DataError when Ray gives up, and as `ray_session`.
    """
    packed = pickle.dumps(make)
    cpus = place.actors if place.address == LOCAL else None
    with _folder(place) as folder, ray_session(place.address, cpus, 4 * len(packed)) as ray:
        try:
            yield from _tables(ray, packed, items, place, folder, progress)
        except ray.exceptions.RayError as error:
            raise DataError(
                f"--cluster {place.address}: the work was lost: {_reason(error)}"
            ) from error


def _tables(
    ray: Any, packed: bytes, items: Sequence[Any], place: Place, folder: Any, progress: Progress
) -> Iterator[pyarrow.Table]:
    actors, cpus = _actors(ray.cluster_resources(), place)
    size = max(1, min(LARGEST, len(items) // (BLOCKS_AN_ACTOR * actors)))
    size = max(size, -(-len(items) // MOST_BLOCKS))
    parts = [
        {"part": pickle.dumps(items[start : start + size])} for start in range(0, len(items), size)
    ]
    actors = min(actors, len(parts))
    machines = plural(sum(1 for node in ray.nodes() if node["Alive"]), "machine")
    progress.note(f"cluster {place.address}: {plural(actors, 'actor')}, {machines}")
    data = ray.data.from_items(parts, override_num_blocks=len(parts)).map_batches(
        _Actor,
        fn_constructor_args=([ray.put(packed)], folder, cpus),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors, initial_size=actors),
        num_cpus=cpus,
        num_gpus=1 if place.on_gpu else None,
    )
    data.context.enable_progress_bars = False
    for done in data.iter_batches(batch_size=None, prefetch_batches=0):
        for name, failure in zip(done["name"], done["failure"], strict=True):
            if failure:
                raise pickle.loads(failure)  # made by `_Actor`, of our own errors only
            yield folder.taken(str(name))


def _actors(resources: dict[str, float], place: Place) -> tuple[int, int]:
    """How many actors, and cores for each. Raises UsageError for GPUs that are not there."""
    cores, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if place.on_gpu and not gpus:
        raise UsageError(f"--cluster {place.address} has no GPU; take --device cpu")
    most = max(1, gpus if place.on_gpu else cores)
    actors = min(place.actors or most, most)
    return actors, max(1, cores // actors) if place.on_gpu else 1


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


class _Actor:
    """What Ray Data calls with a block at a time."""

    def __init__(self, packed: list[Any], folder: _Folder, cpus: int) -> None:
        import ray

        self._folder = folder
        self._work: Work | None = None
        self._make: Callable[[], Work] = lambda: pickle.loads(ray.get(packed[0]))(cpus)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """The name of the file with the block's table, or the error that ends the run."""
        try:
            if self._work is None:
                self._work = self._make()
            name = self._folder.put(self._work(pickle.loads(batch["part"][0])))
        except HeadstartError as error:
            return {"name": [""], "failure": [pickle.dumps(error)]}
        return {"name": [name], "failure": [b""]}


@dataclass(frozen=True)
class _Folder:
    """A folder of our own for the files of blocks, on a disk or behind an address."""

    place: str
    is_url: bool

    def put(self, table: pyarrow.Table) -> str:
        """Write a table; returns the file's name, which no other try to write it has."""
        import pyarrow.parquet

        name = f"{secrets.token_hex(8)}.parquet"
        with self._system().open(f"{self.place}/{name}", "wb") as file:
            pyarrow.parquet.write_table(table, file, write_page_checksum=True)
        return name

    def taken(self, name: str) -> pyarrow.Table:
        """Read a table and remove its file. Raises OSError for a file that was damaged."""
        import pyarrow.parquet

        path = f"{self.place}/{name}"
        with self._system().open(path, "rb") as file:
            table = pyarrow.parquet.read_table(file, page_checksum_verification=True)
        self._system().rm_file(path)
        return table

    def remove(self) -> None:
        """Remove all that is left in a folder behind an address."""
        with suppress(OSError):
            self._system().rm(self.place, recursive=True)

    def _system(self) -> Any:
        from fsspec.core import url_to_fs
        from fsspec.implementations.local import LocalFileSystem

        return url_to_fs(self.place)[0] if self.is_url else LocalFileSystem()


@contextmanager
def _folder(place: Place) -> Iterator[_Folder]:
    """A new folder for blocks, which goes at the end, as does what a killed run left."""
    where = location(place.folder) if place.folder else cache_folder() / "cluster"
    if isinstance(where, Url):
        made = _Folder(str(where / f"headstart-{secrets.token_hex(8)}"), is_url=True)
        try:
            yield made
        finally:
            made.remove()
        return
    for left in abandoned(where):
        discard(left)
    with staging(where, Path("blocks")) as new:
        yield _Folder(str(new.folder.absolute()), is_url=False)
