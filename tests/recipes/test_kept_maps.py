from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.recipes.test_tuned_network import frozen, pictures
from tests.recipes.tuning_set import write_pictures

from headstart.recipes.batches import Batches, PictureBatches
from headstart.recipes.kept_maps import KEPT, KeptMaps, MapBatches, SharedMaps, Worth, cut_network
from headstart.recipes.pixel_store import PixelStore
from headstart.recipes.stages import unfreeze
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.tuned_network import TunedNetwork

ROWS = np.arange(20)


def network_of(model: TrainedModel, what: str = "2") -> TunedNetwork:
    made = TunedNetwork(model, 3)
    unfreeze(made.backbone, what)
    return made.with_folded_norms(model.backbone.info.preprocessing.size).eval()


@pytest.mark.parametrize(
    ("name", "what", "cuts"),
    [
        ("test_resnet", "last-stage", True),
        ("test_efficientnet", "2", True),
        ("test_convnext", "2", True),
        ("test_efficientnet", "all", False),
        ("test_efficientnet", "norm", True),  # before the first norm there is a convolution
    ],
)
def test_both_parts_make_the_network(name: str, what: str, cuts: bool) -> None:
    model = frozen(name)
    _, inputs = pictures(model)
    whole = network_of(model, what)
    cut = cut_network(whole, model.backbone.info.preprocessing.size)
    assert (cut is not None) == cuts
    if cut is None:
        return
    with torch.no_grad():
        found, expected = cut.rest(cut.prefix(inputs)), whole(inputs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    trained = [
        [name for name, p in part.named_parameters() if p.requires_grad]
        for part in (whole, cut.rest)
    ]
    assert trained[0] == trained[1]
    assert not any(p.requires_grad for p in cut.prefix.parameters())


def test_what_runs_between_two_frozen_modules_forbids_a_cut() -> None:
    class Shifting(torch.nn.Module):
        """Adds to what a frozen part gives before another has it, as a place's embedding does."""

        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(3, 2, 3).requires_grad_(False)
            self.second = torch.nn.Conv2d(2, 2, 3).requires_grad_(False)
            self.last = torch.nn.Conv2d(2, 2, 3)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.last(self.second(self.first(inputs) + 1.0))
            return made.mean(dim=(2, 3))

    model = frozen()
    whole = network_of(model)
    whole.backbone = Shifting()
    whole.classifier = torch.nn.Linear(2, 3)
    assert cut_network(whole, 16) is None


@pytest.fixture
def training(tmp_path: Path) -> PictureBatches:
    from headstart.images.source import local_files

    folder = write_pictures(tmp_path / "set")
    model = frozen()
    store = PixelStore(
        local_files(sorted(folder.rglob("*.png"))),
        model.backbone.info.preprocessing,
        memory_limit=10**9,
    )
    return PictureBatches(
        pixels=store, targets=ROWS % 3, chosen=ROWS, batch_size=8, augment="light", seed=5
    )


def collected(batches: Batches, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    parts = list(batches.epoch(epoch))
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def test_maps_are_those_of_the_views_and_come_again(training: PictureBatches) -> None:
    cut = cut_network(network_of(frozen()), 64)
    assert cut is not None
    maps = KeptMaps(cut, training, views=2)
    batches = MapBatches(
        maps=maps, targets=training.targets, chosen=ROWS, batch_size=8, seed=training.seed
    )
    assert batches.rows == 20
    found, targets = collected(batches, 2)
    views, goals = collected(training, 2)
    with torch.no_grad():
        expected = cut.prefix(views)
    assert torch.equal(targets, goals)
    torch.testing.assert_close(found, expected.bfloat16().float(), rtol=0.02, atol=0.02)
    fourth, shuffled = collected(batches, 4)  # the second view again, in another order
    assert not torch.equal(shuffled, targets)
    assert torch.equal(fourth.sum(0), found.sum(0)) or torch.allclose(fourth.sum(0), found.sum(0))


def test_what_ran_before_does_not_change_a_bit(training: PictureBatches) -> None:
    cut = cut_network(network_of(frozen()), 64)
    assert cut is not None
    one, two = (KeptMaps(cut, training, views=3) for _ in range(2))
    for epoch in (1, 2):
        one.of_epoch(epoch)
    assert torch.equal(one.of_epoch(3), two.of_epoch(3))


def test_a_training_on_some_of_the_rows_gets_theirs(training: PictureBatches) -> None:
    cut = cut_network(network_of(frozen()), 64)
    assert cut is not None
    maps = KeptMaps(cut, training, views=1)
    chosen = np.array([7, 3, 11])
    some = MapBatches(maps=maps, targets=ROWS, chosen=chosen, batch_size=8, seed=None)
    ((inputs, targets),) = some.epoch(1)
    assert targets.tolist() == [7, 3, 11]
    assert torch.equal(inputs[1], maps.of_epoch(1)[3].float().permute(2, 0, 1))


def shared(notes: list[str], measured: dict[str, object], limit: int = 10**9) -> SharedMaps:
    return SharedMaps(
        views=2, limit=limit, bf16=False, device="cpu", measured=measured, note=notes.append
    )


@pytest.mark.parametrize(
    ("epochs", "limit", "kept", "words"),
    [
        (50, 10**9, True, "maps of the frozen part are kept (0 MB): saves about"),
        (2, 10**9, False, "reading them would take longer"),  # no view comes twice
        (50, 9, False, "more than --memory-limit 9"),
    ],
)
def test_measured_seconds_and_bytes_decide(
    training: PictureBatches, epochs: int, limit: int, kept: bool, words: str
) -> None:
    notes: list[str] = []
    measured: dict[str, object] = {}
    maps = shared(notes, measured, limit)
    maps.begin(ROWS, epochs)
    whole = network_of(frozen())
    rest, batches, _ = maps.shorten(whole, training, None)
    assert measured == {KEPT: kept}
    assert (rest is not whole) == isinstance(batches, MapBatches) == kept
    assert len(notes) == 1
    assert words in notes[0]
    maps.shorten(whole, training, None)
    assert len(notes) == 1  # once for all trainings


def test_without_room_on_the_disk_nothing_is_kept(
    training: PictureBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    notes: list[str] = []
    maps = shared(notes, {KEPT: True})
    maps.begin(ROWS, 50)
    whole = network_of(frozen())
    assert maps.shorten(whole, training, None)[0] is whole
    assert notes == ["maps of the frozen part are not kept: [Errno 28] No space left on device"]


def test_costs_are_in_words() -> None:
    assert Worth(bytes=2_000_000, making=0.1, seconds=3.2, limit=10**9).sentence == (
        "maps of the frozen part are kept (2 MB): saves about 3 s"
    )
    assert not Worth(bytes=1, making=0.1, seconds=-1, limit=9).pays
