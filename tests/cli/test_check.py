"""check as a user meets it: what it says, what it writes, and how it ends."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.program import run

pytestmark = pytest.mark.usefixtures("no_learning_curve")
BACKBONE = [
    "--backbone",
    "test_resnet",
    "--random-weights",
    "--image-size",
    "32",
    "--device",
    "cpu",
]
KINDS = ("blank", "unscaled", "dark", "bright", "blurred", "tiny", "extreme shape", "far",
         "wrong label", "duplicate", "contradiction")  # fmt: skip


def paint(path: Path, label: str, seed: int) -> None:
    """40 x 40 pixels, reddish or bluish, in squares that make each picture different."""
    rng = np.random.default_rng(seed)
    base = np.array((200, 60, 50) if label == "red" else (50, 60, 200))
    squares = np.clip(base + rng.normal(0, 40, (8, 8, 1)), 0, 255).astype(np.uint8)
    Image.fromarray(np.kron(squares, np.ones((5, 5, 1), np.uint8))).save(path)


@pytest.fixture
def rows(tmp_path: Path) -> list[tuple[str, str]]:
    """24 pictures in a folder, in an order that says nothing."""
    (tmp_path / "images").mkdir()
    found = []
    for number in range(24):
        label = ("red", "blue")[(number * 7 // 3) % 2]
        found.append((f"p{number:02d}.png", label))
        paint(tmp_path / "images" / found[-1][0], label, number)
    return found


def write(tmp_path: Path, rows: list[tuple[str, str]]) -> Path:
    table = tmp_path / "labels.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *rows])
    return table


def check(tmp_path: Path, rows: list[tuple[str, str]], *more: str | Path) -> int:
    table = write(tmp_path, rows)
    images, out = tmp_path / "images", tmp_path / "check"
    return run("check", table, "--images", images, "--out", out, *BACKBONE, *more)


def read_csv(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "check" / "check.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_nothing_to_mend(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, rows) == 0
    shown = capsys.readouterr()
    assert "24 pictures: 0 errors" in shown.out
    assert "images from column 'image'" in shown.err
    cells = read_csv(tmp_path)
    assert [(row["image"], row["label"]) for row in cells] == rows
    flags = [f"{kind} {what}" for kind in KINDS for what in ("score", "flag")]
    assert list(cells[0]) == ["image", "label", *flags, "problem"]
    found = json.loads((tmp_path / "check" / "check.json").read_text())
    assert found["has_errors"] is False
    assert found["pictures"] == 24
    assert found["record"]["recipe"] == "check"
    assert found["record"]["source"].endswith(".csv")
    assert found["record"]["options"]["backbone"]["backbone"] == "test_resnet"
    assert sorted(p.name for p in (tmp_path / "check").iterdir()) == [
        ".headstart.json", "check.csv", "check.html", "check.json",
    ]  # fmt: skip


def test_a_broken_file_is_listed_and_never_replaced(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "images" / "p03.png"
    broken.write_bytes(broken.read_bytes()[:120])
    before = {p.name: p.read_bytes() for p in (tmp_path / "images").iterdir()}
    assert check(tmp_path, [*rows, ("gone.png", "red")]) == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / "images").iterdir()} == before
    shown = capsys.readouterr().out
    assert shown.startswith("error HS201: 2 bad inputs: ")
    assert "labels.csv, line 5: p03.png: truncated" in shown
    assert "gone.png: not found" in shown
    cells = read_csv(tmp_path)
    assert len(cells) == 23 + 2
    assert "p03.png" not in [row["image"] for row in cells]
    problems = {row["image"]: row["problem"] for row in cells if row["problem"]}
    assert set(problems) == {"labels.csv, line 5: p03.png", "labels.csv, line 26: gone.png"}
    assert "line 5: p03.png: truncated" in (tmp_path / "check" / "check.html").read_text()


def test_the_same_picture_under_two_labels(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    (tmp_path / "images" / "copy.png").write_bytes((tmp_path / "images" / rows[0][0]).read_bytes())
    other = "blue" if rows[0][1] == "red" else "red"
    assert check(tmp_path, [*rows, ("copy.png", other)]) == 1
    problems = [row["problem"] for row in read_csv(tmp_path) if row["problem"]]
    assert len(problems) == 2
    assert f"labelled '{other}', but the same picture p00.png is '{rows[0][1]}'" in problems


def test_a_given_split_that_tears_duplicates_apart(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images" / "copy.png").write_bytes((tmp_path / "images" / rows[0][0]).read_bytes())
    given = [(*row, "test" if row == rows[0] else "train") for row in rows]
    table = tmp_path / "parts.csv"
    with table.open("w", newline="") as file:
        head, copy = ("image", "label", "part"), ("copy.png", rows[0][1], "train")
        csv.writer(file).writerows([head, *given, copy])
    ask = [table, "--images", tmp_path / "images", "--split-column", "part", *BACKBONE, "--out"]
    assert run("check", *ask, tmp_path / "check") == 0
    line = "1 test picture of the given split has a duplicate, or one of the same group, among the"
    assert f"warning HS302: {line} training pictures: p00.png" in capsys.readouterr().out
    assert run("fit", *ask, tmp_path / "run") == 0
    assert "among the training pictures: accuracy is too good" in capsys.readouterr().out


def test_a_table_without_its_pictures_tells_what_the_names_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = np.random.default_rng(1).permutation(1200).tolist()
    table = write(tmp_path, [(f"{n}.jpg", "1" if n < 690 else "0") for n in numbers])
    assert run("check", table, "--out", tmp_path / "check") == 1
    shown = capsys.readouterr()
    assert "none of the 1,200 pictures was found" in shown.err
    assert (
        "The number in the file name alone gives the label for all 1,200 rows (the number in the "
        "file name below 690: '1'; from 690: '0')" in shown.out
    )
    page = (tmp_path / "check" / "check.html").read_text()
    assert "The rule: the number in the file name below 690" in page
    assert len(read_csv(tmp_path)) == 1200


def test_a_name_cannot_speak_for_the_program(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "<script>x\nerror: [red]all is well.png"
    Image.new("RGB", (40, 40), (90, 90, 90)).save(tmp_path / "images" / name)
    check(tmp_path, [*rows, (name, "red")])
    assert "\nerror: [red]" not in capsys.readouterr().out
    page = (tmp_path / "check" / "check.html").read_text()
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
    assert name in [row["image"] for row in read_csv(tmp_path)]


def test_codes_choose_what_is_told_and_what_ends_with_1(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 40), (90, 90, 90)).save(tmp_path / "images" / "blank.png")
    given = [*rows, ("blank.png", "red"), ("gone.png", "red")]
    assert check(tmp_path, given, "--select", "HS501,bad-input") == 1
    assert "error HS201: 1 bad input" in capsys.readouterr().out
    found = json.loads((tmp_path / "check" / "check.json").read_text())
    assert [(f["code"], f["kind"], f["level"]) for f in found["findings"]] == [
        ("HS201", "bad-input", "error"), ("HS501", "odd-blank", "warning"),
    ]  # fmt: skip
    blank = found["findings"][1]
    assert (blank["images"], blank["rows"]) == (["blank.png"], [24])
    assert blank["numbers"] == {"pictures": 1, "limit": 4.0}
    assert found["record"]["options"]["select"] == "HS501,bad-input"
    assert "--select</th><td>HS501,bad-input" in (tmp_path / "check" / "check.html").read_text()
    chosen = ["--select", "HS5", "--select", "HS2", "--ignore", "HS201"]
    for line, code in (("error", 0), ("warning", 1), ("never", 0)):
        assert check(tmp_path, given, *chosen, "--fail-on", line) == code
        shown = capsys.readouterr().out
        assert shown.startswith("left out by --select or --ignore: HS201 bad-input")
        assert "error HS201" not in shown and "warning HS501" in shown
    assert (
        "left out by --select or --ignore: HS201" in (tmp_path / "check" / "check.html").read_text()
    )
    assert check(tmp_path, given, "--fail-on", "never") == 0
    assert check(tmp_path, given, "--ignore", "HS9") == 2
    assert "--ignore 'HS9': no finding has this code" in capsys.readouterr().err
    assert check(tmp_path, given, "--fail-on", "info") == 2


def test_wrong_use_is_said_before_the_work(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    fixes = tmp_path / "fixes.csv"
    fixes.write_text("mine")
    assert check(tmp_path, rows, "--write-fixes", fixes) == 2
    assert "may hold your edits" in capsys.readouterr().err
    assert fixes.read_text() == "mine"
    assert run("check", tmp_path / "nothing.csv", "--out", tmp_path / "c") == 1
    assert not (tmp_path / "check" / "check.html").exists()


@pytest.fixture
def fixed(tmp_path: Path, rows: list[tuple[str, str]]) -> Path:
    """Two wrong labels, found by check, one mended and one dropped in the table of fixes."""
    swap = {"red": "blue", "blue": "red"}
    dirty = [(name, swap[label] if n in (1, 13) else label) for n, (name, label) in
             enumerate(rows)]  # fmt: skip
    fixes = tmp_path / "fixes.csv"
    check(tmp_path, dirty, "--write-fixes", fixes)
    with fixes.open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert {"p01.png", "p13.png"} <= {row["image"] for row in cells}
    for row in cells:
        row["fix"] = {"p01.png": row["suggested"], "p13.png": "drop"}.get(row["image"], "")
    with fixes.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]))
        writer.writeheader()
        writer.writerows(cells)
    return fixes


def test_the_fixes_are_put_to_use(
    tmp_path: Path, rows: list[tuple[str, str]], fixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask: list[str | Path] = [
        tmp_path / "labels.csv",
        "--images",
        tmp_path / "images",
        "--fixes",
        fixed,
    ]
    assert run("fit", *ask, *BACKBONE, "--test-fraction", "0.25", "--out", tmp_path / "run") == 0
    note = "fixes: 1 label changed, 1 picture left out"
    assert note in capsys.readouterr().err
    with (tmp_path / "run" / "split.csv").open(newline="") as file:
        used = {row["image"]: row["label"] for row in csv.DictReader(file)}
    assert used == {name: label for name, label in rows if name != "p13.png"}
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert note in record["notes"]
    assert record["options"]["labels"]["fixes"] == str(fixed)
    code = run("compare", *ask, "--models", "small_cnn", "--epochs", "1", "--image-size", "32",
               "--folds", "0", "--device", "cpu", "--out", tmp_path / "cmp")  # fmt: skip
    assert code == 0
    shown = capsys.readouterr()
    assert note in shown.err
    assert "worth knowing (headstart check tells more):" in shown.out
    fixed.write_text("image,fix\np00.png,green\n")
    assert run("fit", *ask, *BACKBONE, "--out", tmp_path / "run2") == 1
    assert "fix 'green': allowed are a class (blue, red)" in capsys.readouterr().err


def test_fit_tells_what_is_worth_knowing(
    tmp_path: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    copies = [(f"copy{number}.png", rows[number][1]) for number in range(5)]
    for (copy, _), (name, _) in zip(copies, rows, strict=False):
        (images / copy).write_bytes((images / name).read_bytes())
    table = write(tmp_path, [*rows, *copies])
    out = tmp_path / "run"
    assert run("fit", table, "--images", images, *BACKBONE, "--out", out, "--curve") == 0
    line = "10 pictures have duplicates (5 groups): each group is kept on one side of the split"
    assert f"  {line}\n" in capsys.readouterr().out
    page = (out / "report.html").read_text()
    assert line in page
    assert "What duplicates would feign" in page
    assert "test pictures with a duplicate in the training" in page
    assert "Would more pictures help?" in page
    write(tmp_path, rows)
    assert run("fit", table, "--images", images, *BACKBONE, "--out", out) == 0
    page = (out / "report.html").read_text()
    assert "What duplicates would feign" not in page
    assert "Would more pictures help?" not in page
