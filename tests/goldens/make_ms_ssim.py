"""Make ms_ssim.json with TensorFlow itself, in an environment of its own:

python -m venv tf && tf/bin/pip install tensorflow-cpu scikit-image pillow
tf/bin/python tests/goldens/make_ms_ssim.py
"""

import json
from pathlib import Path

import tensorflow as tf
from pairs import RECIPES, pair


def value(recipe: dict) -> float:
    x, y = (tf.constant(picture[None], tf.float32) for picture in pair(recipe))
    return float(tf.image.ssim_multiscale(x, y, max_val=255)[0])


goldens = {
    "made_by": f"tf.image.ssim_multiscale(max_val=255), TensorFlow {tf.__version__}",
    "pairs": [{**recipe, "ms_ssim": value(recipe)} for recipe in RECIPES],
}
Path(__file__).with_name("ms_ssim.json").write_text(json.dumps(goldens, indent=1) + "\n")
