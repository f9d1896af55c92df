"""From a model and a picture to an explanation, by the best method that the model allows."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, get_args

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.errors import UsageError
from headstart.explain.activation_map import activation_map, last_map
from headstart.explain.explanation import Explanation
from headstart.explain.occlusion import occlusion
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
    steps = model.backbone.info.preprocessing
    with (budget or MemoryBudget(MEMORY_LIMIT)).share() as claim:
        rgb = decode_picture(
            image, minimum_side=steps.resize, max_pixels=max_pixels, claim=claim
        ).rgb
        pixels = steps.prepare(rgb)[None]
    features = model.backbone.embed(pixels)
    answer = model.probabilities(features)[0]
    likeliest = int(answer.argmax())
    place = likeliest if class_name is None else model.classes.index(class_name)
    used, values = _map(model, pixels, features, place, method)
    return Explanation(
        image=image.name,
        class_name=model.classes[place],
        probability=float(answer[place]),
        predicted=model.classes[likeliest],
        method=used,
        values=values,
        window=steps.window(rgb.shape[1], rgb.shape[0]),
        picture=rgb,
        nearest=()
        if model.examples is None
        else model.examples.get().nearest(features[0], model.classes, NEAREST),
    )


def check_request(model: TrainedModel, class_name: str | None, method: str) -> None:
    """Raise UsageError for a class that the model has not, and for a method that is none.

    Of joined networks, each with a map of its own, there is no explanation.
    """
    if model.backbone.info.parts:
        raise UsageError(
            f"{model.backbone.info.name} are several networks side by side, of which there is no "
            "explanation; fit one of them alone"
        )
    if class_name is not None and class_name not in model.classes:
        raise UsageError(
            f"no class is called {class_name!r}; the model's classes are {some_of(model.classes)}"
        )
    if method not in METHODS:
        raise UsageError(f"no method is called {method!r}; there are {', '.join(METHODS)}")


def _map(
    model: TrainedModel, pixels: ByteImage, features: Float32Array, place: int, method: str
) -> tuple[str, FloatArray]:
    """The method that was used, and its map (h, w)."""
    if method in ("auto", "cam"):
        found = activation_map(model, pixels, place, features)
        if found is not None:
            return "cam", found
        if method == "cam":
            raise UsageError(
                f"the method cam is for a linear head on the mean of a network's last map; this is "
                f"the head {model.head.name} on {model.backbone.info.name}'s "
                f"{model.backbone.info.layer!r} features; take auto"
            )
    if method == "grad-cam" or (method == "auto" and _has_gradients(model.backbone, pixels)):
        from headstart.explain.grad_cam import grad_cam

        return "grad-cam", grad_cam(model, pixels, place)
    return "occlusion", occlusion(model, pixels, place)


def _has_gradients(backbone: Backbone, pixels: ByteImage) -> bool:
    """Whether Grad-CAM can be had: captum is here, and the network is torch's and has maps."""
    is_here = find_spec("captum") is not None and isinstance(backbone.network, TorchNetwork)
    return is_here and last_map(backbone, pixels) is not None
