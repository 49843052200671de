"""A data folder with two small pictures as its HDR+: what else is at hand does not matter."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from skimage import data


def photo_folder(made: Path) -> Path:
    """Fill ``made``, which is empty, and give it back."""
    (made / "hdrplus").mkdir()
    Image.fromarray(data.astronaut()[:176, :184]).save(made / "hdrplus" / "a.png")
    Image.fromarray(data.chelsea()[:184, 100:276]).save(made / "hdrplus" / "b.png")
    return made
