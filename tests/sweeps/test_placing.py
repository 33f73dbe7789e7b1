"""Runs at the same time on one machine, each with an accelerator of its own."""

import os
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from graft.sweeps.placing import accelerators

TAKE = """
import os, sys
from graft.sweeps.placing import take_accelerators
take_accelerators(int(sys.argv[1]))
take_accelerators(int(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
input()
"""


@pytest.fixture
def process(tmp_path):
    """Starts a process that takes its accelerators among four; returns which it has."""
    running = []

    def start(count):
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "0,1,GPU-a,GPU-b", "TMPDIR": str(tmp_path)}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", TAKE, str(count)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        return running[-1].stdout.readline().strip()

    yield start
    for each in running:
        each.kill()
        each.communicate()


def test_processes_have_accelerators_of_their_own_and_share_when_there_are_no_more(process):
    assert process(1) == "0"
    assert process(2) == "1,GPU-a"
    assert process(2) == "0,1,GPU-a,GPU-b", "one is left, which is not enough"
    assert process(1) == "GPU-b"
    assert process(0) == "0,1,GPU-a,GPU-b"


@pytest.mark.parametrize(
    ("devices", "count"),
    [(1, 1), (2, 2), ("2", 2), ("auto", 1), (-1, 1), ("-1", 1), ("0,1", 0), ("2,", 0), ([2], 0), ([0, 1], 0)],
)
def test_devices_that_are_named_are_not_renumbered(devices, count):
    assert accelerators(OmegaConf.create({"devices": devices}).devices) == count
