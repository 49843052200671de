"""Make butteraugli.json with libjxl's program, from PNG files:

apt-get install libjxl-devtools  # Debian 12
.venv/bin/python tests/goldens/make_butteraugli.py
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from pairs import RECIPES, pair
from PIL import Image


def value(recipe: dict) -> float:
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("original.png", "changed.png")]
        for file, picture in zip(files, pair(recipe), strict=True):
            Image.fromarray(picture).save(file)
        command = ["butteraugli_main", *files, "--pnorm", "3"]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        return float(said.splitlines()[-1].removeprefix("3-norm: "))


goldens = {
    "made_by": "libjxl 0.7.0's butteraugli_main, Debian 0.7.0-10+deb12u1",
    "pairs": [{**recipe, "butteraugli": value(recipe)} for recipe in RECIPES],
}
Path(__file__).with_name("butteraugli.json").write_text(json.dumps(goldens, indent=1) + "\n")
