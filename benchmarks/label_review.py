"""How many switched labels check.html helps to put right, and in how many key presses.

    python benchmarks/label_review.py --table LABELS.csv --images DIR [--switched 20] [--rounds 2]

Labels are switched at seeded random; the doubtful ones are gone through with the keyboard in
Chromium, saved as fixes.csv, and used by the next check and by fit. The person who decides is
played by the labels as they were. Needs selenium, chromium and chromedriver. Prints a table in
Markdown.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.read_table import read_table
from headstart.options import DEFAULT_SEED, ReadOptions

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--switched", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    given = parser.parse_args()
    table = read_table(given.table, ReadOptions(images=given.images))
    was = dict(zip(table.ids, table.labels or (), strict=True))
    rng = np.random.default_rng(given.seed)
    chosen = [table.ids[row] for row in rng.choice(len(table), given.switched, replace=False)]
    rest = {name: [c for c in table.classes if c != was[name]] for name in chosen}
    now = {**was, **{name: others[rng.integers(len(others))] for name, others in rest.items()}}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        write(folder / "labels.csv", now)
        ask = [str(folder / "labels.csv"), "--images", str(given.images)]
        before = accuracy([*ask, "--out", str(folder / "before")])
        print("| round | to decide | key presses | switched labels put right | accuracy by folds |")
        print("| ---: | ---: | ---: | ---: | --- |")
        print(f"| 0 | | | 0 of {len(chosen)} | {before} |", flush=True)
        more: list[str] = []
        presses = 0
        for number in range(1, given.rounds + 1):
            headstart(["check", *ask, *more, "--out", str(folder / "check"), "--fail-on", "never"])
            walk = decide(folder, was)
            presses += walk.presses
            fixes = folder / f"fixes{number}.csv"
            (folder / "fixes.csv").rename(fixes)
            more = ["--fixes", str(fixes)]
            with fixes.open(newline="", encoding="utf-8") as file:
                decided = {row["image"]: row["fix"] for row in csv.DictReader(file)}
            right = sum(decided.get(name) == was[name] for name in chosen)
            after = accuracy([*ask, *more, "--out", str(folder / f"after{number}")])
            print(f"| {number} | {walk.decided} | {presses} | {right} of {len(chosen)} | {after} |",
                  flush=True)  # fmt: skip
        write(folder / "labels.csv", was)
        print(f"\nWithout a switched label: {accuracy([*ask, '--out', str(folder / 'clean')])}.")


def write(path: Path, labels: dict[str, str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "label"), *labels.items()])


def headstart(words: list[str]) -> None:
    command = [sys.executable, "-m", "headstart", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def accuracy(words: list[str]) -> str:
    headstart(["fit", *words])
    metrics = json.loads((Path(words[-1]) / "metrics.json").read_text(encoding="utf-8"))
    folds = metrics["folds"]
    return f"{folds['accuracy_mean']:.3f} ± {folds['accuracy_standard_error']:.3f}"


@dataclass
class Walk:
    """Going through the page with the keyboard alone."""

    browser: Chrome
    presses: int = 0
    decided: int = 0

    def press(self, key: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(key).perform()
        self.presses += 1

    def text(self, place: str) -> str:
        script = "return document.querySelector(arguments[0]).textContent"
        return str(self.browser.execute_script(script, place)).strip()


def decide(folder: Path, was: dict[str, str]) -> Walk:
    """Keep what was so and change what was not, on each doubtful label of check.html; save."""
    from selenium.webdriver.common.keys import Keys

    browser = start(folder)
    try:
        walk = Walk(browser)
        browser.get((folder / "check" / "check.html").as_uri())
        while browser.execute_script("return document.activeElement.hash") != "#labels":
            walk.press(Keys.TAB)
        walk.press(Keys.ENTER)
        done, _, total = walk.text("#labels-count").split()[:3]
        walk.decided = int(total) - int(done)
        for _ in range(walk.decided):
            name, given = walk.text("#labels-name"), walk.text("#labels-given b")
            walk.press("k" if given == was[name] else "r")
        walk.press("s")
        while not (folder / "fixes.csv").exists():
            time.sleep(0.05)
        return walk
    finally:
        browser.quit()


def start(downloads: Path) -> Chrome:
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 f"--user-data-dir={downloads / 'profile'}"):  # fmt: skip
        options.add_argument(flag)
    browser = Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    behaviour = {"behavior": "allow", "downloadPath": str(downloads)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    return browser


if __name__ == "__main__":
    main()
