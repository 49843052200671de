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
# Ten chapters looked at other people's photos. This one is for yours. Choose a photo and a quality, and compare before and
# after: what the encoder saw in the photo, where the bits went, and how large the file is.
#
# ```{admonition} What you will learn
# - what your own photo looks like at a size of your choice
# - what the encoder does, in a few lines
# - which parts of a photo an encoder keeps, and which it lets go
# - how low the quality can be before you see the loss
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
    prepare = f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py"
    subprocess.run(prepare, shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`
qualities = (3, 5, 10, 20, 35, 50, 75, 90)  # of the slider
effort = "default"  # fast, default or best

# %% tags=["hide-input"]
from bookkit import frames_slider, live
from chapters import own_photo, style
from repro.data import photos
from repro.encoder import trellis_set
from repro.encoder.encode import Settings, encode_picture
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import with_one_for_chroma
from repro.encoder.trellis_set import expected_losses
from repro.jpeg.writer import write
from repro.trellis import planes

style.use()

# %% [markdown]
# ## Live
#
# The window below has the encoder inside, in JavaScript, with the weights and tables that the package ships. It codes a photo
# while you drag the slider. Your photo does not leave this page, and the page forbids itself any connection.

# %% tags=["hide-input"]
cup = "A cup of coffee on a wooden table."
coffee = next(photo for photo in photos("sample") if photo.name == "coffee.png")
live.own_photo(coffee.name, coffee.rgb(), cup)

# %% [markdown]
# 1. *Choose a photo* that your browser can show: JPEG, PNG, WebP, AVIF and others. You can also drop a file on the window.
# 2. *Quality* is close to libjpeg's scale. Instead of it, you can say how large the file may be.
# 3. Drag the *curtain* between before and after. Its right side can also be the browser's own JPEG encoder at the same
#    size. Enlarge the picture to see its pixels.
# 4. The *map* shows what the network saw. Bright blocks are those where an error matters much, in the band of frequencies
#    that you choose. The map also shows where the bits went. Errors matter most in calm places and least in texture, and
#    yet most bits go to the texture. Click a block to see it under the curtain.
# 5. *Download* the file. Any program opens it.
#
# This is effort `default` of `repro encode`: `repro encode photo.png -o photo.jpg --quality 75` makes the same file, except for
# rounding in the last digit. The command reads more kinds of file and whole folders, keeps colour profiles, and has the
# effort `best`, which goes on to look at the decoded picture and correct its choice.

# %% [markdown]
# ## The encoder, line by line
#
# What happens in the window, step by step?
#
# **Open.** A picture is an array of samples, 8-bit sRGB. `repro.encoder.images.open_picture` reads any file that Pillow
# opens. It turns the picture upright, converts it from other colour spaces, and puts white behind transparent places. We
# take the picture of the cup again, which comes with scikit-image:

# %%
picture = Picture(coffee.rgb())

# %% [markdown]
# **Transform.** Luma keeps its resolution, chroma is halved, and every block of 8 × 8 samples becomes 64 coefficients
# ({ref}`ch-jpeg`):

# %%
dct = planes.forward_dct(picture.samples, "4:2:0")

# %% [markdown]
# **Attend.** A small network sees the blocks, and says what an error in each is worth, by frequency ({ref}`network`). The
# paper's attention makes coefficients smaller. This one gives weights to their errors:

# %%
chosen = trellis_set.load()
weights = chosen.network.weights(dct)

# %% [markdown]
# **Set the price.** A quality stands for a λ, which says how much error is accepted to save a bit. A photo in which errors
# are easy to see gets a smaller λ at the same quality. λ decides which tables are used. In a picture as small as this
# one, Cb and Cr share a table, because a third one would cost more bytes than it saves:

# %%
lam = chosen.lam_at(30, expected_losses(chosen, dct.planes[0], weights[0]))
tables = with_one_for_chroma(chosen.tables_at(lam, "4:2:0"))

# %% [markdown]
# **Choose.** The trellis finds the whole numbers that minimise weighted error and bits together ({eq}`eq-trellis`):

# %%
z = planes.trellis_quantize(dct, weights, tables, lam, rounds=1)

# %% [markdown]
# **Write.** Huffman codes are made for these numbers, scan by scan:

# %%
data = write(planes.assemble(dct, z, tables))

# %% [markdown]
# That is effort `fast`, for a picture with halved chroma. The package's encoder writes the same file:

# %%
fast = encode_picture(picture, Settings(quality=30, effort="fast")).data
print(f"{len(data):,d} bytes; the package's encoder agrees: {data == fast}")

# %% [markdown]
# ## One photo at several qualities
#
# Move the slider to change the quality. The pictures are the files themselves, decoded by your browser:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-your-photo", "caption": "One photo at several qualities. Under each picture: its quality, the \u03bb of the median photo at this quality, and its size."}}
files = [
    encode_picture(picture, Settings(quality=quality, effort=effort)).data
    for quality in qualities
]
words = [own_photo.words(picture, data) for data in files]
captions = [
    f"Quality {quality:g} (λ = {chosen.median_lam(quality):.2g}): {told}."
    for quality, told in zip(qualities, words, strict=True)
]
alts = [
    f"A cup of coffee on a wooden table, as the file of quality {quality:g} shows it."
    for quality in qualities
]
frames_slider(
    files,
    [f"{quality:g}" for quality in qualities],
    alts,
    description="Quality",
    captions=captions,
    start=len(files) // 2,
)

# %% [markdown]
# ## What the encoder saw
#
# The files above come from the encoder's default, whose network says what errors are worth. `repro encode --model vgg16` uses
# the paper's attention instead. {numref}`fig-your-photo-seen` shows its {term}`attention map` of luma, averaged over the AC
# coefficients of each block: how much of a block's detail the network keeps.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-your-photo-seen", "caption": "The photo, and how much of each block's detail the network keeps. Bright is kept, dark may be lost."}, "image": {"alt": "A cup of coffee on a wooden table beside a map of it in blocks, in which edges and smooth places differ in brightness."}}
attention = own_photo.attention_map(picture, quality=10)
own_photo.map_plot(picture.samples, attention)

# %% [markdown]
# ## Summary
#
# - Open, transform, attend, choose, write: these steps turn a photo into an ordinary JPEG file.
# - How much you save depends on your photo. Try one with a lot of sky, and one with a lot of grass.
# - Trust your eyes more than any metric.
#
# ## Exercises
#
# **1.** Encode a photo of yours at lower and lower quality. Where do you see the loss first: in smooth places, at edges, or
# in texture? Is it where the map is dark?
#
# ```{admonition} Solution
# :class: dropdown
# Mostly in smooth places, as blocks, and around hard edges, as ripples. Texture hides a lot, and the default knows it: to it,
# an error in texture is worth less. The attention map says something else. It is dark in smooth places, too, because there
# is hardly any detail in them to keep.
# ```
#
# **2.** Take a JPEG file that this encoder wrote, and encode it again at the same quality. Does it become smaller? Does
# it become worse?
#
# ```{admonition} Solution
# :class: dropdown
# Both, and clearly so. With the same tables there would be hardly anything to round, because the coefficients are already
# multiples of their steps. But the encoder takes other tables. The first file has lost fine detail, so the network
# expects less loss of it, and the same quality stands for a larger λ and coarser tables. A further round may do the same,
# until λ is as far from the median photo's as the encoder allows (four times). From then on the file hardly changes. So
# keep the original.
# ```
#
# **3.** Take a screenshot with coloured text. What goes wrong at a low quality, and what does a high quality repair?
#
# ```{admonition} Solution
# :class: dropdown
# Coloured letters lose their colour, because chroma has half the resolution. At a high quality the encoder keeps all of
# chroma ({ref}`ch-beyond`), and the colours return. The ripples beside letters become weaker, but it still takes many cosines
# to make a sharp edge. Screenshots belong in PNG files.
# ```
#
# ## What's next
#
# That was the last chapter. {ref}`results` has all findings in one place, {ref}`command-line` explains `repro encode`, and
# {ref}`extending` shows how to go on from here.
