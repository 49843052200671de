"""Make dists.json with an implementation of DISTS that is not the authors', in this project's environment plus piq:

.venv/bin/pip install --no-deps --target _build/piq piq==0.8.0
PYTHONPATH=_build/piq .venv/bin/python tests/goldens/make_dists.py

``piq`` is a rewrite of the metric. Instead of downloading convolutions and channel weights it gets those at hand here.
It shrinks pictures whose shorter side is over 256 px, so only pairs up to that size are used.
"""

import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import piq
import torch
from pairs import RECIPES, pair
from torchvision.models import vgg16

from repro import weights

SMALL = [recipe for recipe in RECIPES if min(recipe["height"], recipe["width"]) <= 256]

features = vgg16().features
features.load_state_dict({k.removeprefix("features."): v for k, v in weights.load("vgg16").state.items()})
channels = torch.load(Path(find_spec("DISTS_pytorch").origin).with_name("weights.pt"), weights_only=True)
with (
    patch("piq.perceptual.vgg16", lambda **_: SimpleNamespace(features=features)),
    patch("torch.hub.load_state_dict_from_url", lambda *_, **__: channels),
):
    distance = piq.DISTS()


def value(recipe: dict) -> float:
    x, y = (torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255 for picture in pair(recipe))
    with torch.no_grad():
        return float(distance(x, y))


goldens = {
    "made_by": f"piq {version('piq')}, with the channel weights of DISTS-pytorch {version('DISTS-pytorch')}",
    "pairs": [{**recipe, "dists": value(recipe)} for recipe in SMALL],
}
Path(__file__).with_name("dists.json").write_text(json.dumps(goldens, indent=1) + "\n")
