import contextlib
import os
import resource
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture
def full_disk():
    """A context in which no file of this process can grow beyond so many bytes, as on a full disk (EFBIG)."""

    @contextlib.contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder on a real file system of 256 KiB; where one may not be mounted, the test is skipped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def killed_after():
    """Runs a function in a process forked from this one, which need not import anything, and kills it in mid-work.

    The function is to go on for ever; the time counts from the moment at which `path` exists.
    """

    def run_and_kill(seconds, path, function):
        child = os.fork()
        if child == 0:
            try:
                function()
            finally:
                os._exit(1)
        while not path.exists():
            time.sleep(0.001)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "it ended by itself"

    return run_and_kill


@pytest.fixture
def python():
    """Starts a Python process on a program given as text."""
    processes = []

    def start(program, *arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
