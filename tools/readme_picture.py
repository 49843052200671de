"""Make the picture of README.md: a photo that scikit-image ships, by jpegli, by mozjpeg and by us, all at one size.

``python tools/readme_picture.py`` writes ``book/_static/before_after.png``; do so after ``tools/ship_trellis.py``.
"""

from __future__ import annotations

from pathlib import Path

from chapters.comparison import closeup, versions
from chapters.style import Box
from repro.data import photos
from repro.encoder.models import DEFAULT
from repro.files import atomic_path

PICTURE = Path(__file__).resolve().parents[1] / "book" / "_static" / "before_after.png"
#: Chelsea the cat, CC0, and a part that shows what an encoder does: fur, eyes and a smooth background.
PHOTO, PART = "chelsea.png", Box(25, 100, 200, 200)
BPP = 0.4
JUDGES = ("ssimulacra2", "butteraugli")


def main() -> None:
    (photo,) = [photo for photo in photos("sample") if photo.name == PHOTO]
    shown = versions(photo.rgb(), BPP, peers=("mozjpeg", "jpegli-420"), ours=(DEFAULT,), more=JUDGES)
    with atomic_path(PICTURE) as temporary:
        closeup(shown, PART).savefig(temporary, format="png", dpi=130)
    print(PICTURE)


if __name__ == "__main__":
    main()
