"""Measure every row of kodak_peers.csv (24-image means that were given) with this project's codecs and metrics.

    REPRO_DATA=/path/to/photos python tests/goldens/make_kodak_peers.py

Writes kodak_peers.json: what we measure, and the largest deviation of each column from the given row. Takes a quarter
of an hour on one core.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

from repro import codecs
from repro.data import photos
from repro.evaluation import rate_distortion
from repro.runtime import provenance

HERE = Path(__file__).parent
COLUMNS = {"bpp": "bpp", "mse": "mse", "lpips_alex": "lpips", "ms_ssim": "ms_ssim"}
CODECS = {
    "pillow 4:4:4, default Huffman": "pillow-444-default",
    "pillow 4:4:4, optimised Huffman": "pillow-444",
    "pillow 4:2:0, optimised, progressive": "pillow-420-progressive",
    "mozjpeg 4.0.3 4:2:0 (trellis, progressive)": "mozjpeg-420",
    "mozjpeg 4.0.3 4:4:4 (trellis, progressive)": "mozjpeg-444",
}


def main() -> None:
    given = list(csv.DictReader((HERE / "kodak_peers.csv").open()))
    kodak = photos("kodak").items
    rows, worst = [], dict.fromkeys(COLUMNS, 0.0)
    for label, codec in CODECS.items():
        wanted = {int(row["quality"]): row for row in given if row["codec"] == label}
        curve = rate_distortion(label, kodak, codecs.get(codec).encode, list(wanted))
        for point in curve.mean().images["mean"]:
            row = wanted[int(point["setting"] or 0)]
            ours = {column: float(f"{point[key]:.5g}") for column, key in COLUMNS.items()}
            rows.append({"codec": codec, "quality": int(row["quality"]), **ours})
            for column in COLUMNS:
                worst[column] = max(worst[column], abs(ours[column] / float(row[column]) - 1))
    content = {"provenance": provenance(), "largest_relative_deviation": worst, "rows": rows}
    (HERE / "kodak_peers.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
