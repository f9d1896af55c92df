"""Everything that can change a feature, in one digest: the name of its cache file."""

from __future__ import annotations

import hashlib
import io
import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from headstart.arrays import ByteImage
from headstart.backbones.device import device_kind
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.runtime import ARITHMETIC
from headstart.images.decode import DECODE_VERSION, decode

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo

PROBE_SIZE = (150, 200)  # pixels, height and width
REDUCED_SIDE = 37  # pixels; with it a JPEG of that size is decoded at half its size


def fingerprint(info: BackboneInfo) -> str:
    """Digest of `feature_key`: 32 hexadecimal digits. Of joined networks that of all theirs."""
    key = [feature_key(part) for part in info.parts] or feature_key(info)
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def feature_key(info: BackboneInfo) -> dict[str, Any]:
    """All that can change a feature, as plain JSON values.

    name, layer, weights: the function that is computed; the weights by their content.
    preprocessing: size, resize, crop, interpolation, mean and standard deviation.
    mirror: True where the mirror image's features are averaged in.
    decode: the version of our rules for decoding a picture.
    pixels: what this machine's libraries make of one picture that is decoded and prepared so
        (`_prepared_probe`). It is measured, since versions would not tell: Pillow 11.3 to 13.0
        with libjpeg-turbo 3.1.1 to 3.2.0 give the same bytes, while a Pillow that a distribution
        or a fork built with another JPEG library or resize may give others under the same number.
        A change in the way a rarer lossy format is decoded (WebP, AVIF, JPEG 2000, HEIC) is not
        seen; their decoders are specified to the bit, up to the conversion of colours.
    precision, device: the arithmetic, and the kind of device (cpu, cuda, mps) whose kernels do it.
    runtime, steps, packages: which runtime computes, the versions of our own steps in it (batch
        norms folded, pixels normalised), and of the packages whose code it runs: for torch, torch
        with its kernels and timm with its architectures. Whether another version gives other
        numbers can only be found by loading it, which is what the cache saves; so a new version
        costs one pass over the pictures, when the user chooses to install it.

    Left out on purpose: the numbers of cores, of threads and of pictures in a batch, which change
    no feature (tests/features); and which processor or card of a kind computes. Without AVX-512
    Lite0's features of 40 photographs were the same to the bit in fp32 and differed by 0.6% in
    bf16, which is less than bf16 changes them; machines that share a cache folder are to find each
    other's features.
    """
    arithmetic = ARITHMETIC[info.runtime]
    return {
        "name": info.name,
        "layer": info.layer,
        "weights": info.weights_id,
        "preprocessing": info.preprocessing.to_json(),
        "decode": DECODE_VERSION,
        "pixels": _prepared_probe(info.preprocessing),
        "precision": info.precision,
        "device": device_kind(info.device),
        "runtime": info.runtime,
        "steps": arithmetic.steps,
        "packages": {name: version(name) for name in arithmetic.packages},
        # Absent where there is none, so that features that were kept before are still found.
        **({"mirror": True} if info.mirror else {}),
    }


@cache
def _prepared_probe(preprocessing: Preprocessing) -> str:
    """Digest of a JPEG made and decoded here, at its full and at half its size, then prepared."""
    content = io.BytesIO()
    Image.fromarray(_pattern()).save(content, "JPEG", quality=75)
    total = hashlib.sha256()
    for minimum_side in (None, REDUCED_SIDE):
        decoded = decode(content.getvalue(), minimum_side=minimum_side)
        total.update(np.ascontiguousarray(preprocessing.prepare(decoded)).data)
    return total.hexdigest()[:32]


def _pattern() -> ByteImage:
    """Slopes and steps of every colour, (h, w, 3); whole numbers, so that it is one everywhere."""
    y, x = np.mgrid[: PROBE_SIZE[0], : PROBE_SIZE[1]]
    channels = [3 * x + y, 2 * y + x // 8 * 40, 5 * (x + y) + x * y // 64]
    return (np.stack(channels, axis=-1) % 256).astype(np.uint8)
