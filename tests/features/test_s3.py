"""A table and pictures at s3://, from an S3 server on the loopback, where moto is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.program import run
from tests.tiny_classifier import LABELS

pytest.importorskip("moto", reason="the server is moto's: pip install moto[s3,server] s3fs")
pytest.importorskip("s3fs", reason="S3 needs s3fs, which comes with headstart[remote]")
pytestmark = pytest.mark.filterwarnings("ignore")  # of botocore and moto about each other

BUCKET = "pictures"
TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server, which every process started now finds by its variables."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield host
    running.stop()


@pytest.fixture
def bucket(server: str, pictures: list[Path]) -> Any:
    """A table with relative names beside its pictures, here and there."""
    import s3fs

    system = s3fs.S3FileSystem(skip_instance_cache=True)
    if not system.exists(BUCKET):
        system.mkdir(BUCKET)
    rows = zip(pictures, LABELS, strict=True)
    table = pictures[0].parent / "labels.csv"
    table.write_text("image,label\n" + "".join(f"{path.name},{label}\n" for path, label in rows))
    for path in (*pictures, table):
        system.pipe_file(f"{BUCKET}/set/{path.name}", path.read_bytes())
    return system


def features(path: Path) -> Any:
    with np.load(path) as arrays:
        return arrays["features"]


def test_fit_and_predict_from_a_bucket(
    bucket: Any, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = f"s3://{BUCKET}/set/labels.csv"
    for number, table in enumerate((pictures[0].parent / "labels.csv", there)):
        monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / f"cache{number}"))
        assert run("fit", table, *TINY, "--folds", 0, "--out", f"run{number}") == 0
        assert run("predict", f"run{number}/model", table, "--out", f"answers{number}.csv") == 0
    assert Path("answers0.csv").read_text() == Path("answers1.csv").read_text()


def test_a_cluster_reads_and_writes_a_bucket(
    bucket: Any, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with headstart[ray]")
    monkeypatch.chdir(tmp_path)
    assert run("embed", pictures[0].parent / "labels.csv", *TINY, "--out", "here.npz") == 0
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "another"))
    words = ("--cluster", "local", "--workers", 1, "--cluster-folder", f"s3://{BUCKET}/blocks")
    there = f"s3://{BUCKET}/set/labels.csv"
    assert run("embed", there, *TINY, *words, "--out", "there.npz") == 0
    assert np.array_equal(features(Path("here.npz")), features(Path("there.npz")))
    assert not bucket.find(f"{BUCKET}/blocks")
