"""An exported model predicts like the pages, with only LiteRT, NumPy, Pillow and SciPy."""

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


def test_exported_model_predicts_like_the_pages(tmp_path, genius, data):
    with zipfile.ZipFile(io.BytesIO(export.to_zip(genius))) as packed:
        packed.extractall(tmp_path / "package")
    pictures = []
    for number, digit in enumerate(data.test_images[:20]):
        big = Image.fromarray(255 - digit).resize((180, 200))
        big.save(tmp_path / f"{number}.png")
        pictures.append(digit_from_image(big))
    packages = alone(tmp_path / "packages")
    done = subprocess.run(
        [sys.executable, "-S", "predict.py", *[str(tmp_path / f"{number}.png") for number in range(20)]],
        cwd=tmp_path / "package",
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(packages)},
    )
    assert done.returncode == 0, done.stderr
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
