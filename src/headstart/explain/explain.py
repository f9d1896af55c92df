"""From a model and a picture to an explanation, by the best method that the model allows."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, NamedTuple, get_args

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.joining import embed_prepared
from headstart.backbones.preprocessing import Box
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.errors import UsageError
from headstart.explain.activation_map import activation_map, last_map
from headstart.explain.explanation import Explanation, NetworkMap
from headstart.explain.joined_maps import network_maps, sum_on_grid
from headstart.explain.occlusion import joined_occlusion, occlusion
from headstart.images.decode import decode_picture
from headstart.images.memory_budget import MemoryBudget
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS, MEMORY_LIMIT
from headstart.recipes.trained_model import TrainedModel
from headstart.wording import some_of

Method = Literal["auto", "cam", "occlusion", "grad-cam"]
METHODS: tuple[str, ...] = get_args(Method)
NEAREST = 3  # training pictures that are named
IN_WORDS = {
    "cam": "the exact class activation map",
    "grad-cam": "Grad-CAM",
    "occlusion": "occlusion",
}


def explain_picture(
    model: TrainedModel,
    image: ImageSource,
    class_name: str | None = None,
    method: str = "auto",
    *,
    max_pixels: int = MAX_PIXELS,
    budget: MemoryBudget | None = None,
) -> Explanation:
    """What speaks for a class in a picture.

    Args:
        model: from a model folder or an exported file.
        image: the picture.
        class_name: one of the model's classes; None for the likeliest.
        method: "cam", "grad-cam", "occlusion", or "auto" for the first of "cam", "grad-cam" and
            "occlusion" that the model and the installed packages allow.
        max_pixels: largest picture.
        budget: of memory for decoding, shared with others.

    Raises ImageError for a picture that cannot be read, and UsageError for a class that the model
    has not, a method that is none, or one that does not fit the model.
    """
    check_request(model, class_name, method)
    parts = model.backbone.parts
    seen = [_decoded(image, part, max_pixels, budget) for part in parts]
    features = embed_prepared(model.backbone, [pixels for _, pixels in seen])
    answer = model.probabilities(features)[0]
    likeliest = int(answer.argmax())
    place = likeliest if class_name is None else model.classes.index(class_name)
    picture = max((rgb for rgb, _ in seen), key=lambda rgb: rgb.size)
    found = _map(model, picture, [pixels for _, pixels in seen], features, place, method)
    return Explanation(
        image=image.name,
        class_name=model.classes[place],
        probability=float(answer[place]),
        predicted=model.classes[likeliest],
        method=found.method,
        values=found.values,
        window=found.window,
        picture=picture,
        nearest=()
        if model.examples is None
        else model.examples.get().nearest(features[0], model.classes, NEAREST),
        networks=found.networks,
    )


def _decoded(
    image: ImageSource, part: Backbone, max_pixels: int, budget: MemoryBudget | None
) -> tuple[ByteImage, ByteImage]:
    """The picture as a network has it decoded, (h, w, 3), and prepared, (1, size, size, 3)."""
    steps = part.info.preprocessing
    with (budget or MemoryBudget(MEMORY_LIMIT)).share() as claim:
        rgb = decode_picture(
            image, minimum_side=steps.resize, max_pixels=max_pixels, claim=claim
        ).rgb
        return rgb, steps.prepare(rgb)[None]


def check_request(model: TrainedModel, class_name: str | None, method: str) -> None:
    """Raise UsageError for a class that the model has not, and for a method that is none."""
    if class_name is not None and class_name not in model.classes:
        raise UsageError(
            f"no class is called {class_name!r}; the model's classes are {some_of(model.classes)}"
        )
    if method not in METHODS:
        raise UsageError(f"no method is called {method!r}; there are {', '.join(METHODS)}")


class _Found(NamedTuple):
    """The method that was used, and its map (h, w) with where it lies on the picture."""

    method: str
    values: FloatArray
    window: Box
    networks: tuple[NetworkMap, ...] = ()


def _map(
    model: TrainedModel,
    rgb: ByteImage,
    prepared: list[ByteImage],
    features: Float32Array,
    place: int,
    method: str,
) -> _Found:
    """The map of a picture (h, w, 3), which is prepared for each network, for a class."""
    height, width = rgb.shape[:2]
    parts = model.backbone.parts
    windows = [part.info.preprocessing.window(width, height) for part in parts]
    if len(parts) > 1:
        return _joined_map(model, rgb, prepared, features, place, method, windows)
    pixels, window = prepared[0], windows[0]
    if method in ("auto", "cam"):
        found = activation_map(model, pixels, place, features)
        if found is not None:
            return _Found("cam", found, window)
        if method == "cam":
            raise _no_exact_map(model)
    if method == "grad-cam" or (method == "auto" and _has_gradients(model.backbone, pixels)):
        from headstart.explain.grad_cam import grad_cam

        return _Found("grad-cam", grad_cam(model, pixels, place), window)
    return _Found("occlusion", occlusion(model, pixels, place), window)


def _joined_map(
    model: TrainedModel,
    rgb: ByteImage,
    prepared: list[ByteImage],
    features: Float32Array,
    place: int,
    method: str,
    windows: list[Box],
) -> _Found:
    """The same for joined networks, of which there is no Grad-CAM."""
    height, width = rgb.shape[:2]
    if method == "grad-cam":
        raise UsageError(
            f"{model.backbone.info.name} joins {len(windows)} networks, of which there is no "
            "Grad-CAM here; take auto, cam or occlusion"
        )
    if method in ("auto", "cam"):
        found = network_maps(model, prepared, features, place, windows)
        if found is not None:
            return _Found("cam", sum_on_grid(found, width, height), (0, 0, width, height), found)
        if method == "cam":
            raise _no_exact_map(model)
    return _Found("occlusion", *joined_occlusion(model, rgb, place))


def _no_exact_map(model: TrainedModel) -> UsageError:
    info = model.backbone.info
    return UsageError(
        f"the method cam is for a linear head on the mean of a network's last map; this is the "
        f"head {model.head.name} on {info.name}'s {info.layer!r} features; take auto"
    )


def _has_gradients(backbone: Backbone, pixels: ByteImage) -> bool:
    """Whether Grad-CAM can be had: captum is here, and the network is torch's and has maps."""
    is_here = find_spec("captum") is not None and isinstance(backbone.network, TorchNetwork)
    return is_here and last_map(backbone, pixels) is not None
