"""Make the file from which the encoder in the browser reads the set that `repro encode` uses by default.

``python tools/ship_browser.py`` writes ``src/bookkit/assets/encoder/model.js`` from
``src/repro/assets/models/trellis``: one module, so that a page needs no request for it. Run it after
``tools/ship_trellis.py``; a test compares the two.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from repro.encoder import chroma, trellis_set
from repro.files import atomic_write

MODEL = Path(__file__).resolve().parents[1] / "src" / "bookkit" / "assets" / "encoder" / "model.js"
_HEAD = "// Made by tools/ship_browser.py from the set that ships with the package: do not edit.\n"


def module() -> str:
    """The text of ``model.js``: numbers of the tables as in the set, those of the network as float32 in base64."""
    chosen = trellis_set.load()
    layers = chosen.network.layers
    values = [part.ravel() for layer in layers for part in layer] + [chosen.network.profile.ravel()]
    stored = {
        "lams": chosen.lams.tolist(),
        "losses": chosen.losses.tolist(),
        "powers": chosen.powers.tolist(),
        "scale": chosen.scale.tolist(),
        "tables": dict(zip((chroma.HALF, chroma.FULL), chosen.tables.tolist(), strict=True)),
        "layers": [[len(weight), len(bias)] for weight, bias in layers],
        "values": base64.b64encode(np.concatenate(values).astype("<f4").tobytes()).decode(),
    }
    return f"{_HEAD}export const MODEL = {json.dumps(stored, separators=(',', ':'))};\n"


if __name__ == "__main__":
    atomic_write(MODEL, module())
    print(MODEL, MODEL.stat().st_size // 1024, "KiB")
