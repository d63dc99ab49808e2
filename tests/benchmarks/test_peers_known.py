"""The networks of others that we compare with are what their names say."""

from __future__ import annotations

import pytest

from benchmarks.peers.fetch import FOLDER, fetch, peer_file
from benchmarks.peers.network import PeerNetwork
from benchmarks.peers.table import PEERS
from common.images.photos import resize_map
from samnet.data.embedded import embedded_photos
from samnet.evaluation.metrics import SaliencyMetrics
from samnet.training.onnx_teacher import MapTeacher


@pytest.fixture
def peer(request):
    """A peer's file, checked by its hash, where it was fetched before."""
    path = peer_file(request.param, FOLDER)
    if not path.is_file():
        pytest.skip(f"{path} is not there; samnet bench peers fetches it")
    return fetch(request.param, FOLDER)


@pytest.fixture
def photos():
    return {name: (photo, mask) for name, photo, mask in embedded_photos()}


def scores(maps, photos):
    metrics = SaliencyMetrics("fast")
    for name, saliency_map in maps.items():
        mask = photos[name][1]
        metrics.add(resize_map(saliency_map, mask.shape), mask)
    return metrics.scores()


@pytest.mark.parametrize("peer", ["u2netp"], indirect=True)
def test_u2netp_finds_the_objects(peer, photos):
    assert MapTeacher(peer, threads=1).size == 320
    network = PeerNetwork("u2netp", peer, threads=1)
    assert network.size == 320
    named = ("chelsea", "coffee", "rocket")
    found = scores({name: network(photos[name][0]) for name in named}, photos)
    assert found.max_F > 0.85 and found.MAE < 0.1


@pytest.mark.parametrize("peer", ["admnet"], indirect=True)
def test_admnet_finds_the_objects(peer, photos):
    network = PeerNetwork("admnet", peer, threads=1)
    assert network.size == 368
    found = scores({name: network(photos[name][0]) for name in ("coffee", "rocket")}, photos)
    assert found.max_F > 0.85 and found.MAE < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["isnet"], indirect=True)
def test_isnet_finds_the_objects(peer, photos):
    network = PeerNetwork("isnet", peer, threads=1)
    assert network.size == 1024
    found = scores({"coffee": network(photos["coffee"][0])}, photos)
    assert found.max_F > 0.85 and found.MAE < 0.1


@pytest.mark.parametrize("peer", ["selfie", "prisma", "portrait"], indirect=True)
def test_networks_for_people_find_them(peer, photos):
    pytest.importorskip("ai_edge_litert.interpreter", reason="needs samnet[device]")
    network = PeerNetwork(peer.stem, peer, threads=1)
    assert network.size == 256

    def person(name):
        return network(photos[name][0])

    assert scores({"astronaut": person("astronaut")}, photos).max_F > 0.85
    assert scores({"camera": person("camera")}, photos).max_F > 0.85
    if peer.stem == "selfie":
        assert person("rocket").mean() < 1


def test_every_peer_has_such_a_test():
    assert set(PEERS) == {"u2netp", "admnet", "isnet", "selfie", "prisma", "portrait"}
