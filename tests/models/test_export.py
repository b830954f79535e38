"""Exported models. They give the predictions of the pages with only LiteRT, NumPy, Pillow and SciPy."""

import io
import json
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from PIL import Image

from digitcore.images import digit_from_image
from digitcore.models import export

ALONE = ("ai-edge-litert", "numpy", "pillow", "scipy")


def alone(folder):
    """Make a folder that contains only these packages and their dependencies."""
    folder.mkdir()
    wanted, done = list(ALONE), set()
    while wanted:
        name = wanted.pop()
        if name in done:
            continue
        done.add(name)
        found = distribution(name)
        for top in {file.parts[0] for file in found.files if not file.parts[0].startswith("..")}:
            link = folder / top
            if not link.exists() and top != "__pycache__":
                link.symlink_to(Path(found.locate_file(top)).resolve())
        wanted += [re.match(r"[\w.-]+", need)[0] for need in found.requires or [] if ";" not in need]
    return folder


def run(folder, *arguments):
    """Run predict.py of the unpacked ZIP file with the packages that it needs."""
    return subprocess.run(
        [sys.executable, "-S", "predict.py", *arguments],
        cwd=folder / "package",
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder / "packages")},
    )


def test_example_of_the_read_me_predicts_several_digits(genius, data, tmp_path):
    (tmp_path / "model.tflite").write_bytes(genius.tflite_bytes)
    example = re.search("```python\n(.*?)```", (export.TEMPLATE_FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(example[1].replace('"model.tflite"', repr(str(tmp_path / "model.tflite"))), names)
    digits = data.test_images[:3]
    probabilities = names["predict"](digit=digits[..., None].astype(np.float32))["output_0"]
    assert names["probabilities"].shape == (3, 10)
    assert np.allclose(probabilities, genius.predictor().probabilities(digits), atol=1e-5)


def test_exported_model_predicts_like_the_pages(tmp_path, genius, data):
    with zipfile.ZipFile(io.BytesIO(export.to_zip(genius))) as packed:
        packed.extractall(tmp_path / "package")
    pictures = []
    for number, digit in enumerate(data.test_images[:20]):
        big = Image.fromarray(255 - digit).resize((180, 200))
        big.save(tmp_path / f"{number}.png")
        pictures.append(digit_from_image(big))
    alone(tmp_path / "packages")
    done = run(tmp_path, *[str(tmp_path / f"{number}.png") for number in range(20)])
    assert done.returncode == 0, done.stderr
    assert run(tmp_path).returncode == 2
    usage = run(tmp_path, "--help")
    assert usage.returncode == 0
    assert "usage: predict.py" in usage.stdout
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    bad = run(tmp_path, *[str(tmp_path / name) for name in ("text.png", "blank.png", "nowhere.png", "0.png")])
    problems = [json.loads(line) for line in bad.stdout.splitlines()]
    assert bad.returncode == 1
    assert [problem["digit"] is None for problem in problems] == [True, True, True, False]
    assert not bad.stderr.startswith("Traceback")
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    expected = genius.predictor().probabilities(np.stack(pictures))
    assert len(answers) == 20
    assert [answer["digit"] for answer in answers] == expected.argmax(1).tolist()
    assert np.allclose([answer["probabilities"] for answer in answers], expected, atol=1e-3)
    assert [answer["unsure"] for answer in answers] == (expected.max(1) < genius.card.confidence_threshold).tolist()


def test_export_of_the_same_model_is_consistent(genius, few, predictor):
    assert export.is_consistent(export.to_zip(genius), few.digits, predictor.probabilities(few.digits))


def test_export_of_another_model_is_not_consistent(untrained, few, predictor):
    expected = predictor.probabilities(few.digits)
    assert not export.is_consistent(export.to_zip(untrained), few.digits, expected)


def test_predict_is_short():
    lines = (export.TEMPLATE_FOLDER / "predict.py").read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 32
