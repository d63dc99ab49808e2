from __future__ import annotations

import random

import pytest

from common.errors import InputError
from samnet.data.layouts import Pair, find_pairs
from samnet.data.split import holdout, without_repeats


@pytest.fixture
def pairs(tmp_path):
    found = []
    for index in range(20):
        photo = tmp_path / f"{index:02}.jpg"
        photo.write_bytes(bytes([index]) * 10)
        found.append(Pair(photo.stem, photo, photo.with_suffix(".png")))
    return found


def test_divides_all_pairs(pairs):
    training, validation = holdout(pairs, count=5)
    assert len(validation) == 5
    assert sorted(training + validation, key=lambda pair: pair.stem) == pairs


def test_depends_on_the_seed_alone(pairs):
    shuffled = random.Random(1).sample(pairs, len(pairs))
    assert holdout(pairs, 5, seed=3) == holdout(shuffled, 5, seed=3)
    assert holdout(pairs, 5, seed=3) != holdout(pairs, 5, seed=4)


def test_leaves_out_repeats_and_what_stands_in_a_test_set(tmp_path, pairs):
    pairs[7].photo.write_bytes(pairs[2].photo.read_bytes())
    leak = Pair("ILSVRC2014_train_00019441", tmp_path / "leak.jpg", tmp_path / "leak.png")
    leak.photo.write_bytes(b"leak")
    training, validation = holdout([*pairs, leak], count=5)
    assert len(training) + len(validation) == 19
    assert {pairs[7], leak}.isdisjoint(training + validation)


def test_keeps_the_first_of_several_repeats(pairs):
    for pair in pairs[1:4]:
        pair.photo.write_bytes(pairs[0].photo.read_bytes())
    assert without_repeats(pairs[::-1]) == [pairs[0], *pairs[4:]]


def test_refuses_to_hold_out_everything(pairs):
    with pytest.raises(InputError, match="20 usable pairs"):
        holdout(pairs, count=20)


def test_refuses_a_missing_photo(pairs):
    pairs[3].photo.unlink()
    with pytest.raises(InputError, match=r"03\.jpg"):
        holdout(pairs, count=5)


@pytest.mark.shared
def test_duts_has_eleven_repeats_and_one_leak(shared):
    pairs = find_pairs(shared / "data" / "DUTS-TR").pairs
    training, validation = holdout(pairs)
    assert (len(training), len(validation)) == (10553 - 12 - 500, 500)
