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
# (ch-your-photo)=
# # Your own photo
#
# Ten chapters looked at other people's photos. Here is the place for yours: choose it, set how much of it is to be kept,
# and see it before and after, what the encoder knew of it, and what it costs.
#
# ```{admonition} What you will learn
# - what your own photo looks like at a size of your choice
# - where in it an encoder spends its bits
# - how far one can go before one sees it
#
# It helps to have read {ref}`ch-attention` and {ref}`ch-beyond`.
# ```

# %% tags=["remove-cell"]
# On Colab the book is missing: fetch it, and the packages that are missing there. Elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("chapters") is None:
    import subprocess
    import sys

    fetch = "test -d literate-jpeg || git clone -q --depth 1 https://github.com/literate-jpeg/repro literate-jpeg"
    subprocess.run(f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py", shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`
qualities = (3, 5, 10, 20, 35, 50, 75, 90)  # of the slider
effort = "default"  # fast, default or best

# %% tags=["hide-input"]
from bookkit import curtain, frames_slider, glue
from chapters import own_photo, style
from chapters.panel import Panel
from repro.data import photos
from repro.encoder.images import Picture

style.use()

# %% [markdown]
# ## Live
#
# The window below needs a running notebook. A built page has no Python behind it, so there it is left out, and the rest of
# this page shows the same for a photo that is always at hand. There are three ways to run it:
#
# - **On your own machine**: `make lab` in a checkout opens JupyterLab; choose `notebooks/11_your_photo.ipynb`, then *Run*,
#   *Run All Cells*. Your photo does not leave your machine.
# - **On Binder**: the rocket at the top of this page, then *Binder*. It installs everything, which takes some minutes, and
#   lends you a small machine.
# - **On Colab**: the same rocket, *Colab*. The first cell fetches the book and the packages that are missing there.

# %% tags=["remove-output"]
Panel().box

# %% tags=["remove-cell"]
glue("most_pixels", f"{own_photo.MAX_PIXELS / 1e6:.0f} megapixels")
glue("attention_pixels", f"{own_photo.ATTENTION_PIXELS / 1e6:.0f} megapixels")

# %% [markdown]
# 1. *Photo*, or a file dropped on it, takes any picture that Pillow opens, up to {glue:text}`most_pixels`: PNG, JPEG,
#    TIFF, WebP and many others. What is no picture, is damaged or too large is refused in a line that says so.
# 2. *Quality* is about libjpeg's scale, and *λ* the same in the words of {ref}`ch-beyond`: what an error is worth in bits.
#    One slider moves the other.
# 3. *Effort* is that of `repro encode`: `fast` takes the trellis's first choice, `default` looks at what came out, `best`
#    looks for a minute, at most.
# 4. *Encode*. Then drag the curtain between before and after, and download the JPEG file. Every decoder opens it.
#
# It is `repro encode` with a window around it: `repro encode photo.png -o photo.jpg --quality 30` writes the same file.

# %% [markdown]
# ## A photo that is always at hand
#
# This one comes with scikit-image. The slider is the quality; the pictures are the files themselves, and it is your browser
# that decodes them:

# %% tags=["hide-input"]
coffee = next(photo for photo in photos("sample") if photo.name == "coffee.png")
picture = Picture(coffee.rgb())
made = [own_photo.make(coffee.name, picture, quality, effort) for quality in qualities]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-your-photo", "caption": "One photo at several qualities. Under each file: its quality, its \u03bb, and what it costs."}}
captions = [f"Quality {one.quality:g} (λ = {one.lam:.2g}): {one.words}." for one in made]
alts = [f"A cup of coffee on a wooden table, as the file of quality {one.quality:g} shows it." for one in made]
labels = [f"{one.quality:g}" for one in made]
frames_slider([one.data for one in made], labels, alts, description="Quality", captions=captions, start=len(made) // 2)

# %% tags=["remove-cell"]
glue("pixels", f"{picture.width} × {picture.height}")
for name, one in {"lowest": made[0], "middle": made[len(made) // 2], "highest": made[-1]}.items():
    glue(f"{name}_quality", f"{one.quality:g}")
    glue(f"{name}_words", one.words)

# %% [markdown]
# The photo has {glue:text}`pixels` pixels. At quality {glue:text}`lowest_quality` its file takes {glue:text}`lowest_words`;
# at {glue:text}`middle_quality`, {glue:text}`middle_words`; at {glue:text}`highest_quality`, {glue:text}`highest_words`.
#
# Before and after, pixel by pixel. The curtain hangs between the original and any of the files:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-your-photo-curtain", "caption": "The middle of the photo, before and after. Drag the handle, or use the arrow keys; choose another quality; enlarge, then drag the picture, too."}}
curtain(
    own_photo.compared(made), {coffee.name: own_photo.part(picture)}, start=("original", f"quality {qualities[1]:g}")
)

# %% [markdown]
# ## What the encoder knew
#
# Of the set with VGG-16 attention, this is the {term}`attention map` of luma, averaged over the AC coefficients of each
# block: what of its detail the network wants kept. Where the network's weights are missing, or a photo is larger than
# {glue:text}`attention_pixels`, the map shows instead by what the default set decides: what an error in a block is worth,
# by how much goes on in and around it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-your-photo-known", "caption": "The photo, and for each block what the encoder knew: bright is kept or worth much, dark is let go."}, "image": {"alt": "A cup of coffee on a wooden table beside a map of it in blocks, in which edges and smooth places differ in brightness."}}
known = own_photo.known(picture, quality=qualities[2] if len(qualities) > 2 else qualities[0])
own_photo.known_plot(own_photo.rgb(picture), known)

# %% tags=["remove-cell"]
glue("known_words", known.words)

# %% [markdown]
# ({glue:text}`known_words`.)
#
# ## Summary
#
# - The whole book in one button: a photo in, an ordinary JPEG file out.
# - What you save depends on your photo. Try one with much sky, and one with much grass.
# - Trust your eyes more than any metric.
#
# ## Exercises
#
# **1.** Encode a photo of yours at ever lower quality. Where do you see it first: in smooth places, at edges, or in
# texture? Is it where the map is dark?
#
# ```{admonition} Solution
# :class: dropdown
# Mostly in smooth places, as blocks, and around hard edges, as ripples. Texture hides much, which the encoder knows: there
# it lets go first.
# ```
#
# **2.** Encode a JPEG file that this encoder wrote, once more, at the same quality. Does it become smaller? Does it become
# worse?
#
# ```{admonition} Solution
# :class: dropdown
# A little of both. Its coefficients are already whole steps of its tables, so that the same tables find hardly anything to
# round; but `default` makes tables of the picture's own, and chroma was reduced to half its resolution before.
# ```
#
# **3.** Take a screenshot with text. What goes wrong, and why does no quality below the highest mend it?
#
# ```{admonition} Solution
# :class: dropdown
# Coloured letters lose their colour, for chroma has half the resolution ({ref}`ch-beyond`), and letters are the edges that
# cosines are bad at. Screenshots belong in PNG files.
# ```
#
# ## What's next
#
# That is the end of the walk. {ref}`results` has all findings in one place, {ref}`command-line` what `repro encode` does,
# and {ref}`extending` shows how to go on from here.
