"""A process that is forked after pictures were embedded embeds too, instead of waiting for ever.

OpenMP's threads do not come along in a fork, and whoever asks them for work waits for them. The
parent here has used them, on the thread that forks.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from headstart.backbones.opening import open_backbone
from headstart.options import BackboneOptions

PATIENCE = 120  # seconds; a process that hangs needs more than any

FORK = """
import multiprocessing, pickle, sys
from pathlib import Path
import numpy as np
import torch
from headstart.backbones.opening import open_backbone
from headstart.features.embed import embed_images
from headstart.images.source import local_files
from headstart.options import BackboneOptions, EmbedOptions

pictures = local_files(sorted(Path(sys.argv[1]).iterdir()))
tiny = BackboneOptions(backbone="test_resnet", random_weights=True, precision="fp32", image_size=32)
pixels = np.arange(4 * 32 * 32 * 3, dtype=np.uint8).reshape(4, 32, 32, 3)

def of_files(backbone):
    return embed_images(pictures, backbone, EmbedOptions(cache=False))[1].values

def child(opened, rested, queue):
    ways = {
        "files": lambda: of_files(opened),
        "pixels": lambda: opened.embed(pixels),
        "first use": lambda: of_files(rested),
        "opened again": lambda: of_files(open_backbone(tiny, device="cpu")),
    }
    for name, way in ways.items():
        queue.put((name, way()))

torch.set_num_threads(2)
torch.mm(torch.ones(500, 500), torch.ones(500, 500))
torch.randn(10**6).abs().sum()
opened = open_backbone(tiny, device="cpu")
rested = pickle.loads(pickle.dumps(opened))
expected = {"pixels": opened.embed(pixels)}
for name in ("files", "first use", "opened again"):
    expected[name] = of_files(opened)
context = multiprocessing.get_context("fork")
queue = context.Queue()
process = context.Process(target=child, args=(opened, rested, queue), daemon=True)
process.start()
for _ in list(expected):
    name, found = queue.get(timeout=float(sys.argv[2]))
    assert np.array_equal(found, expected.pop(name)), name
    print(name)
process.join(float(sys.argv[2]))
print("exit code", process.exitcode)
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
def test_a_forked_process_embeds_as_its_parent(pictures: list[Path]) -> None:
    tiny = BackboneOptions(
        backbone="test_resnet", random_weights=True, precision="fp32", image_size=32
    )
    open_backbone(tiny, device="cpu")  # so that the parent has a description, as after a first run
    command = [sys.executable, "-c", FORK, str(pictures[0].parent), str(PATIENCE / 2)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    ways = ["files", "pixels", "first use", "opened again", "exit code 0"]
    assert done.stdout.splitlines() == ways, done.stderr
