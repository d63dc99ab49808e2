"""The networks of others that we compare with are what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from benchmarks.latency.peers import FOLDER, PEERS, fetch, peer_file
from common.images.photos import resize_map
from samnet.data.embedded import embedded_photos
from samnet.evaluation.metrics import SaliencyMetrics
from samnet.training.onnx_teacher import MapTeacher


@pytest.fixture
def peer(request):
    """A peer's file, checked by its hash, where it was fetched before."""
    path = peer_file(request.param, FOLDER)
    if not path.is_file():
        pytest.skip(f"{path} is not there; python -m benchmarks.latency.peers fetches it")
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
    network = MapTeacher(peer, threads=1)
    assert network.size == 320
    named = ("chelsea", "coffee", "rocket")
    found = scores({name: network(photos[name][0]) for name in named}, photos)
    assert found.max_F > 0.85 and found.MAE < 0.1


@pytest.mark.parametrize("peer", ["selfie"], indirect=True)
def test_selfie_finds_people_and_no_rocket(peer, photos):
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="needs samnet[device]")
    network = litert.Interpreter(str(peer), num_threads=1)
    network.allocate_tensors()
    source, result = network.get_input_details()[0], network.get_output_details()[0]
    assert tuple(source["shape"]) == (1, 256, 256, 3)

    def person(name):
        shown = Image.fromarray(photos[name][0]).resize((256, 256), Image.Resampling.BILINEAR)
        network.set_tensor(source["index"], np.array(shown, np.float32)[None] / 255)
        network.invoke()
        saliency_map = network.get_tensor(result["index"])[0, :, :, 0]
        return np.rint(saliency_map * 255).astype(np.uint8)

    assert scores({"astronaut": person("astronaut")}, photos).max_F > 0.85
    assert scores({"camera": person("camera")}, photos).max_F > 0.85
    assert person("rocket").mean() < 1


def test_every_peer_has_such_a_test():
    assert set(PEERS) == {"u2netp", "selfie"}
