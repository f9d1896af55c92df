"""How fast the server answers beside `headstart predict`, and whether its memory stays flat.

    python benchmarks/serving.py [--requests 2000] [--clients 8] [--rounds 3] [--model FOLDER]
                                 [--pictures FOLDER]

Makes pictures of many sizes (or takes those of a folder, in turn) and a model on the embedded
backbone (or takes one). Then, in turn and several times, since a machine's speed drifts: the rate
of the model's own `predict` on these pictures in one process, both loaded and warm, without the
cache; and the rate of `headstart serve` in a process of its own for clients that ask for one
picture at a time over kept connections. The clients run on the same cores, and do as little as
a client can. Printed are both rates
and their ratio; the processor's time that a picture took in each, clients included, and its ratio,
which others on the machine change less; the server's memory after 200 requests and at the end, its
batches, and the largest difference between an answer of the server and the one-at-a-time answer for
the same picture.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

EARLY = 200  # requests after which memory is measured first
SIDES = (80, 900)
PREDICT = """
import json, sys, time
from pathlib import Path
from headstart.images.source import local_files
from headstart.model_dir import load_model
from headstart.options import EmbedOptions
model, listed = load_model(Path(sys.argv[1])), json.loads(Path(sys.argv[2]).read_text())
options = EmbedOptions(cache=False)
images = local_files([Path(name) for name in listed])
model.predict(images[:16], options=options)
began, used = time.perf_counter(), time.process_time()
model.predict(images, options=options)
print(time.perf_counter() - began, time.process_time() - used)
"""


def make_pictures(folder: Path, count: int) -> list[Path]:
    """Smooth coloured noise of many sizes and shapes, each picture another."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        width, height = (int(side) for side in rng.integers(*SIDES, 2))
        coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
        made.append(folder / f"{number:05d}.jpg")
        picture.save(made[-1], quality=90)
    return made


def make_model(folder: Path, pictures: list[Path]) -> Path:
    """A model of two classes, which are nothing but the parity of a picture's number."""
    table = folder / "labels.csv"
    rows = [f"{path},{'ab'[number % 2]}" for number, path in enumerate(pictures[:60])]
    table.write_text("\n".join(["image,label", *rows]) + "\n", encoding="utf-8")
    command = ["fit", str(table), "--out", str(folder / "run"), "--folds", "0", "--C", "1"]
    subprocess.run(
        [sys.executable, "-m", "headstart", *command], check=True, stdout=subprocess.DEVNULL
    )
    return folder / "run" / "model"


class Pace(NamedTuple):
    """Pictures per second, and the processor's milliseconds for each."""

    rate: float
    used: float


def predict_pace(model: Path, pictures: list[Path], folder: Path) -> Pace:
    """The model's own predict."""
    listed = folder / "listed.json"
    listed.write_text(json.dumps([str(path) for path in pictures]), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", PREDICT, str(model), str(listed)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    took, used = map(float, ended.stdout.split())
    return Pace(len(pictures) / took, used / len(pictures) * 1000)


Reply = tuple[int, bytes]  # the status and the body


class Connection:
    """A kept connection of a client that costs next to nothing, so that the server is measured."""

    def __init__(self, place: str) -> None:
        host, _, port = place.rpartition(":")
        self.place = place
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.replies.close()
        self.socket.close()

    def ask(self, number: int, picture: bytes) -> Reply:
        """Send one picture, and wait for its answer."""
        head = (
            f"POST /predict?name={number} HTTP/1.1\r\nHost: {self.place}\r\n"
            f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        )
        self.socket.sendall(head.encode("ascii") + picture)
        status, length = int(self.replies.readline().split()[1]), 0
        while (line := self.replies.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, self.replies.read(length)


class Serving:
    """`headstart serve` in a process of its own, and what was asked of it."""

    def __init__(self, model: Path, log: Path) -> None:
        command = [sys.executable, "-m", "headstart", "serve", str(model), "--port", "0"]
        self.log = log.open("w", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.PIPE, text=True)
        errors = self.process.stderr
        line = errors.readline() if errors is not None else ""
        found = re.search(r"http://\S+", line)
        if found is None:
            raise SystemExit(f"the server did not start: {line}")
        self.place = urlsplit(found[0]).netloc

    def ask(self, pictures: list[bytes], clients: int) -> list[Reply]:
        """Each picture in a request of its own; client c has every `clients`-th of them."""
        replies = [(0, b"")] * len(pictures)

        def client(first: int) -> None:
            with Connection(self.place) as connection:
                for number in range(first, len(pictures), clients):
                    replies[number] = connection.ask(number, pictures[number])

        threads = [threading.Thread(target=client, args=(first,)) for first in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return replies

    def pace(self, pictures: list[bytes], clients: int) -> tuple[Pace, list[Reply]]:
        """`ask`, measured."""
        began, used = time.perf_counter(), self.used() + time.process_time()
        replies = self.ask(pictures, clients)
        took, used = time.perf_counter() - began, self.used() + time.process_time() - used
        return Pace(len(pictures) / took, used / len(pictures) * 1000), replies

    def used(self) -> float:
        """The processor's seconds that the process has had."""
        status = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = status.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """The process's resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1e3 if found else float("nan")

    def batches(self) -> str:
        """Mean pictures that went through the model at once."""
        connection = http.client.HTTPConnection(self.place, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        sums = [
            float(re.findall(rf"^headstart_batch_pictures_{part} (\S+)", text, re.M)[0])
            for part in ("sum", "count")
        ]
        return f"{sums[0] / sums[1]:.1f}"

    def stop(self) -> int:
        """Let it end; its exit code."""
        self.process.terminate()
        code = self.process.wait(60)
        self.log.close()
        return code


def largest_difference(replies: list[Reply], alone: np.ndarray) -> float:
    """Between the server's probabilities and (n, k) others; fails where an answer is another's."""
    worst = 0.0
    for number, (status, body) in enumerate(replies):
        if status != 200:
            raise SystemExit(f"request {number} was answered with {status}: {body.decode()}")
        (answer,) = json.loads(body)["answers"]
        if answer["name"] != str(number):
            raise SystemExit(f"request {number} was given the answer of {answer['name']}")
        shares = np.array(list(answer["probabilities"].values()))
        worst = max(worst, float(np.abs(shares - alone[number]).max()))
    return worst


def one_at_a_time(model: Path, pictures: list[Path]) -> np.ndarray:
    """Probabilities (n, k), each picture asked for by itself."""
    from headstart.images.source import local_files
    from headstart.model_dir import load_model
    from headstart.options import EmbedOptions

    loaded, options = load_model(model), EmbedOptions(cache=False, workers=1)
    rows = [loaded.predict([image], options=options) for image in local_files(pictures)]
    return np.concatenate([row.probabilities for row in rows])


def main() -> None:
    """Run it all and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--requests", type=int, default=2000)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--model", type=Path)
    options.add_argument("--pictures", type=Path)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.pictures is None:
            pictures = make_pictures(folder / "pictures", asked.requests)
        else:
            there = sorted(path for path in asked.pictures.iterdir() if path.is_file())
            pictures = [there[n % len(there)] for n in range(asked.requests)]
        model = asked.model or make_model(folder, pictures)
        contents = [path.read_bytes() for path in pictures]
        distinct = dict(zip(pictures, contents, strict=True))
        alone = one_at_a_time(model, list(distinct))
        row = {path: number for number, path in enumerate(distinct)}
        expected = alone[[row[path] for path in pictures]]
        serving = Serving(model, folder / "log")
        serving.ask(contents[:EARLY], asked.clients)
        early, rates, times = serving.memory(), [], []
        for number in range(asked.rounds):  # each goes first in every other round
            if number % 2 == 0:
                bare = predict_pace(model, list(distinct), folder)
            served, replies = serving.pace(contents, asked.clients)
            if number % 2 == 1:
                bare = predict_pace(model, list(distinct), folder)
            rates.append(served.rate / bare.rate)
            times.append(bare.used / served.used)
            print(
                f"predict {bare.rate:.1f}/s, {asked.clients} clients {served.rate:.1f}/s, ratio "
                f"{rates[-1]:.2f}; {bare.used:.1f} and {served.used:.1f} ms of the processor a "
                f"picture, ratio {times[-1]:.2f}; largest difference "
                f"{largest_difference(replies, expected):.1e}"
            )
        print(f"median ratios {median(rates):.2f} and {median(times):.2f}")
        print(f"mean batch {serving.batches()} pictures")
        late = serving.memory()
        print(f"memory after {EARLY} requests {early:.0f} MB, at the end {late:.0f} MB")
        print(f"stopped with code {serving.stop()}")


if __name__ == "__main__":
    main()
