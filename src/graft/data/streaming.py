"""Shards that `graft shard` has written, from a folder or an object store."""

from typing import Unpack

from graft.data.chunks import ChunkedSamples, check_extra
from graft.data.datamodule import DataModule
from graft.data.places import find
from graft.data.settings import Settings
from graft.data.shards import SAMPLES, read_samples, table_of
from graft.data.table import Table

_UNUSED = {"test": 0.5, "val": 0.5}  # the shards are of splits; nothing is drawn


class Streaming(DataModule):
    """The samples, splits and orders of the datamodule that was sharded; `split` has nothing but a "seed".

    A chunk is fetched from an object store when a sample of it is first asked for, and stays in the cache.
    """

    def __init__(self, *, folder: str, **settings: Unpack[Settings]) -> None:
        """Takes where the shards lie, and `Settings`; reads nothing yet.

        Args:
            folder: a folder, or an address such as s3://bucket/flowers.
            **settings: see `Settings`.
        """
        settings["split"] = {**_UNUSED, **settings["split"]}
        super().__init__(**settings)
        self.folder = folder

    def read(self) -> Table:
        """Reads the table of samples, and looks at the sizes of the chunks that are here.

        Raises:
            GraftError: the extra is missing, or shards are missing, damaged or of another version.
        """
        check_extra("datamodule=streaming")
        place = find(self.folder)
        columns, placing = read_samples(place.described(SAMPLES))
        samples = ChunkedSamples(place, placing)
        samples.check()
        return table_of(columns, place.manifest, placing, samples)
