import mmap

import pytest
import torch

from graft.rehearsals import memory
from graft.rehearsals.memory import free, is_out_of_memory, measured

MB = 10**6


def take(size):
    """Takes memory from the system itself and gives it back: an allocator may hold some that earlier tests left."""
    with mmap.mmap(-1, size) as taken:
        taken[:: mmap.PAGESIZE] = bytes(len(range(0, size, mmap.PAGESIZE)))


def test_what_a_block_takes_is_its_peak_and_not_an_earlier_one():
    take(400 * MB)
    with measured("cpu") as growth:
        take(100 * MB)
    assert 90 * MB < growth.bytes < 200 * MB


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A machine with 1 GB available, and what is written of control groups."""
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "groups")

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    write({"proc/meminfo": "MemTotal:  2000000 kB\nMemAvailable:  1000000 kB\n"})
    return write


def test_free_is_what_the_machine_has_left(system):
    assert free() == 1_024_000_000
    system({"proc/self/cgroup": "4:memory:/job\n0::/\n"})  # whose files are not seen here
    assert free() == 1_024_000_000


@pytest.mark.parametrize(
    ("line", "folder", "names"),
    [
        ("0::/slurm/job/step", "", ("memory.max", "memory.current", "inactive_file")),
        (
            "4:memory:/slurm/job/step",
            "memory/",
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ),
    ],
)
def test_free_is_what_a_group_above_has_left_with_what_it_would_give_back(system, line, folder, names):
    limit, used, reclaimed = names
    job = f"groups/{folder}slurm/job"
    system({"proc/self/cgroup": f"9:cpu,cpuacct:/x\n{line}\n"})
    system({f"{job}/{limit}": "500\n", f"{job}/{used}": "450\n", f"{job}/memory.stat": f"anon 400\n{reclaimed} 30\n"})
    system({f"{job}/step/{limit}": "max\n", f"{job}/step/{used}": "450\n", f"{job}/step/memory.stat": "anon 400\n"})
    assert free() == 80


def test_only_want_of_memory_is_taken_for_it():
    try:
        torch.empty(2**60)
    except RuntimeError as error:
        real = error
    assert is_out_of_memory(real)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
