# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-jpeg)=
# # JPEG, block by block
#
# A block $x$ of 8×8 samples becomes the coefficients
#
# $$
# F = D\,x\,D^{\top},
# $$ (eq-dct)
#
# where $D$ is the orthonormal DCT matrix {cite:p}`wallace1992jpeg`.

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`

# %%
import matplotlib.pyplot as plt
import numpy as np

from repro.book import frames_slider, glue
from repro.jpeg.dct import dct_matrix
from repro.jpeg.tables import quality_tables

# %% tags=["nbval-check-output"]
D = dct_matrix().numpy()
error = np.abs(D @ D.T - np.eye(8)).max()
bool(error < 1e-6)

# %%
glue("orthonormality_error", error)

# %% [markdown]
# It misses by {glue:text}`orthonormality_error:.1e`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dct-basis", "caption": "The 64 basis images of the DCT."}, "image": {"alt": "Grid of 8 by 8 cosine patterns, flat at the top left, finest checks at the bottom right."}}
fig, axes = plt.subplots(8, 8, figsize=(5, 5))
for (i, j), ax in np.ndenumerate(axes):
    ax.imshow(np.outer(D[i], D[j]), cmap="gray")
    ax.axis("off")
plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-tables", "caption": "The luma table at four qualities. Drag the slider."}}
qualities = [10, 30, 50, 90]
tables = [np.kron(quality_tables(q)[0].numpy(), np.ones((24, 24))).astype(np.uint8) for q in qualities]
frames_slider(
    tables,
    [f"{q}" for q in qualities],
    [f"8 by 8 squares, darker where the step is smaller, at quality {q}." for q in qualities],
    description="Quality",
    width="12rem",
)
