"""Training on a CPU keeps its memory in large pages where the system has them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from samnet.training import huge_pages
from samnet.training.huge_pages import SETTINGS, wants_restart


@pytest.fixture
def able(monkeypatch, tmp_path):
    """A system that has large pages, whatever this one is."""
    kernel = tmp_path / "enabled"
    kernel.write_text("always [madvise] never\n")
    monkeypatch.setattr(huge_pages, "KERNEL", kernel)
    monkeypatch.setattr(huge_pages.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return kernel


def test_an_able_system_restarts_once(able):
    assert wants_restart({})
    assert not wants_restart(SETTINGS)


@pytest.mark.parametrize("name", [*SETTINGS, "LD_PRELOAD"])
def test_what_the_user_chose_stays(able, name):
    assert not wants_restart({name: "1"})


@pytest.mark.parametrize("library", [("glibc", "2.31"), ("", ""), ("musl", "1.2")])
def test_other_libraries_are_left_alone(able, monkeypatch, library):
    monkeypatch.setattr(huge_pages.platform, "libc_ver", lambda: library)
    assert not wants_restart({})


def test_kernel_without_large_pages_is_left_alone(able):
    able.write_text("always madvise [never]\n")
    assert not wants_restart({})
    able.unlink()
    assert not wants_restart({})


def test_the_program_that_restarts_keeps_its_arguments(tmp_path):
    """Run where the settings are made up to be wanted: the second start sees them."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from samnet.training import huge_pages\n"
        "huge_pages.wants_restart = lambda env: 'MALLOC_MMAP_MAX_' not in env\n"
        "huge_pages.restart_with_huge_pages()\n"
        "print(os.environ['GLIBC_TUNABLES'], sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, program, "a b", "--c"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "glibc.malloc.hugetlb=1 ['a b', '--c']"
