"""Make ssimulacra2.json with libjxl's program, which defines the metric (libjxl 0.7 has an older version of it):

apt-get install libjxl-devtools  # Debian 13
.venv/bin/python tests/goldens/make_ssimulacra2.py
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from pairs import RECIPES, pair
from PIL import Image

#: A quality at which encoders are compared, and the smallest height that is enough for all six scales.
MORE = [
    {"source": "astronaut", "height": 512, "width": 512, "change": "jpeg", "amount": 85},
    {"source": "chelsea", "height": 113, "width": 129, "change": "jpeg", "amount": 30},
]


def value(recipe: dict) -> float:
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("original.png", "changed.png")]
        for file, picture in zip(files, pair(recipe), strict=True):
            Image.fromarray(picture).save(file)
        return float(subprocess.run(["ssimulacra2", *files], capture_output=True, check=True, text=True).stdout)


goldens = {
    "made_by": "libjxl 0.11.2's ssimulacra2 (SSIMULACRA 2.1), Debian 0.11.2-0.1~deb13u3",
    "pairs": [{**recipe, "ssimulacra2": value(recipe)} for recipe in [*RECIPES, *MORE]],
}
Path(__file__).with_name("ssimulacra2.json").write_text(json.dumps(goldens, indent=1) + "\n")
