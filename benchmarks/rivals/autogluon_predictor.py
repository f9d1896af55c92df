"""AutoGluon's predictor for pictures, its network frozen by its own setting."""

from __future__ import annotations

from autogluon.multimodal import MultiModalPredictor
from benchmarks.rivals.clock import NAME, Clock, given, read_tables


def main() -> None:
    """Tell the accuracy."""
    clock = Clock("autogluon.multimodal", "torch")
    folder, weights, epochs = given()
    train, test = read_tables(folder)
    # What a user writes
    predictor = MultiModalPredictor(label="label", problem_type="multiclass")
    settings = {
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": NAME,
        "optimization.max_epochs": epochs,
        "optimization.efficient_finetune": "linear_probe",
    }
    predictor.fit(train[["path", "label"]], hyperparameters=settings)
    accuracy = predictor.evaluate(test[["path", "label"]], metrics=["accuracy"])["accuracy"]
    # End
    clock.tell(accuracy)
    print(f"its own weights, not those of {weights.name}")


if __name__ == "__main__":
    main()
