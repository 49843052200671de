"""What large pictures cost: the memory and the processor time of whole processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoder_stand_in import astronaut, save

pytest.importorskip("resource")

ENCODE = """
import resource, sys, time
from repro.encoder import analysis
from repro.encoder.encode import Settings, encode_file
analysis.KEPT_BYTES = int(sys.argv[4])
warm, source, settings = sys.argv[1], sys.argv[2], Settings(overwrite=True, **eval(sys.argv[3]))
encode_file(warm, warm + ".jpg", settings)
begin = time.process_time()
encode_file(source, source + ".jpg", settings)
unit = 1 if sys.platform == "darwin" else 1024
print(time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
"""


def cost(folder: Path, height: int, width: int, kept: int = 1 << 28, **settings: object) -> tuple[float, float]:
    """Processor seconds and peak memory (MiB) of a process that encodes a picture of that size."""
    warm, source = folder / "warm.ppm", folder / f"{height}x{width}.ppm"
    save(warm, astronaut(64, 64))
    if not source.exists():
        photo = astronaut(512, 512)
        Image.fromarray(np.tile(photo, (-(-height // 512), -(-width // 512), 1))[:height, :width]).save(source)
    arguments = [sys.executable, "-c", ENCODE, str(warm), str(source), repr(settings), str(kept)]
    out = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    seconds, memory = (float(word) for word in out.split())
    return seconds, memory


@pytest.mark.slow
def test_fifty_megapixels_stay_under_two_and_a_half_gigabytes(tmp_path):
    small, _ = cost(tmp_path, 1500, 2000)
    large, memory = cost(tmp_path, 5774, 8660)
    assert memory < 2500
    assert large / small < 1.3 * (5774 * 8660) / (1500 * 2000)  # in proportion to the pixels, on a busy machine too
    assert cost(tmp_path, 5774, 8660, effort="fast")[1] < 1200


@pytest.mark.slow
def test_attention_over_a_wide_picture_keeps_to_its_tiles(tmp_path):
    """The rate makes it ask for the features again, which wait in a file; at 50 megapixels they take 800 MB."""
    assert cost(tmp_path, 40, 30_000, kept=0, model="vgg16", bpp=1.0)[1] < 1200
