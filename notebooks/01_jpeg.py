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
# Nearly every photo you have seen on a screen today came as a JPEG file. The format is from 1992
# {cite:p}`wallace1992jpeg`, and every decoder in the world speaks it. That is why the paper behind this book
# {cite:p}`liu2022encoders` leaves the decoder alone and teaches the *encoder* new tricks. To follow it, one has to
# know what an encoder is free to choose. This chapter takes JPEG apart, one step at a time.
#
# ```{admonition} What you will learn
# - what happens to a photo on its way into a file, and which single step loses anything
# - what the 64 cosines of the DCT are, and why a photo needs only a few of them
# - what "quality" does, and where the bits of a file go
# - why a strongly compressed photo shows ripples beside edges (*ringing*) and squares (*blocking*)
#
# You need some Python, and no JPEG at all.
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

# %% tags=["hide-input"]
import numpy as np

from bookkit import frames_slider, glue
from chapters import artefacts, jpeg, style, zigzag
from repro import codecs
from repro.jpeg.codestream import decode
from repro.jpeg.dct import dct_matrix
from repro.jpeg.tables import quality_tables

photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
y = artefacts.luma(rgb)
row, col = jpeg.edge_block(y)
near = jpeg.around(row, col, rgb)

# %% [markdown]
# ## One photo, three sizes
#
# Let us begin with what everybody knows: the smaller the file, the worse the picture. We save one photo, at
# quality 50 and down to quality 5, and look at what comes back.

# %%
save = codecs.get("pillow-444").encode
files = {quality: save(rgb, quality) for quality in (50, 30, 10, 5)}
shown = {quality: decode(data) for quality, data in files.items()}

# %% tags=["remove-cell"]
glue("photo_name", photo.name)
glue("pixels_kb", rgb.size / 1000)
for quality, data in files.items():
    glue(f"kb_{quality}", len(data) / 1000)
    glue(f"bpp_{quality}", 8 * len(data) / y.size)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-levels", "caption": "One photo at three levels of compression, as in Fig. 1 of the paper: untouched, at quality 50 and at quality 5. Below, the framed part enlarged."}, "image": {"alt": "Three versions of a photo. The second looks like the first. The third breaks up into flat squares, with false colours."}}
jpeg.levels({"original": rgb, "quality 50": shown[50], "quality 5": shown[5]}, near)

# %% [markdown]
# The pixels take {glue:text}`pixels_kb:.0f` kB (three bytes each; the photo is {glue:text}`photo_name`). At
# quality 50 the file has {glue:text}`kb_50:.0f` kB, and without a magnifying glass you would not know. At quality 5 it
# has {glue:text}`kb_5:.0f` kB, and now anybody can tell. The paper opens with the same three levels
# ({numref}`fig-levels`).
#
# To compare photos of different sizes we count **bits per pixel** (bpp): the file's size in bits over the number of
# pixels. The pixels themselves need 24 bpp. Here quality 50 is {glue:text}`bpp_50:.2f` bpp and quality 5 is
# {glue:text}`bpp_5:.2f` bpp. The paper's experiments live between about 0.25 and 0.45 bpp: on the coarse side, where
# a better encoder has most to win.

# %% [markdown]
# ## The whole way at a glance
#
# {numref}`fig-workflow` is this chapter's map. The encoder goes from left to right, the decoder comes back the same
# way.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-workflow", "caption": "The way into the file and back (Fig. 2 of the paper)."}, "image": {"alt": "Five boxes from left to right, the encoder: colour, blocks, DCT, quantise, entropy code. An arrow leads to the file and back through five boxes that undo them. The box quantise is marked: only here is anything thrown away."}}
jpeg.workflow()

# %% [markdown]
# Four of the five steps can be undone; the decoder does undo them, save for rounding to whole levels. One step,
# *quantise*, divides and rounds, and what is rounded away is gone. So all that a clever encoder can do is to choose
# **what to round away**. Keep that in mind: the rest of the book is about that one choice.

# %% [markdown]
# ## Colour: brightness first
#
# Our eyes see fine detail in brightness, and little of it in colour. So JPEG first turns red, green and blue into one
# plane of brightness and two of colour difference:
#
# $$
# \begin{pmatrix} Y \\ C_b \\ C_r \end{pmatrix} =
# \begin{pmatrix} 0.299 & 0.587 & 0.114 \\ -0.169 & -0.331 & 0.5 \\ 0.5 & -0.419 & -0.081 \end{pmatrix}
# \begin{pmatrix} R \\ G \\ B \end{pmatrix} +
# \begin{pmatrix} 0 \\ 128 \\ 128 \end{pmatrix}.
# $$ (eq-ycbcr)
#
# $Y$ is called *luma*; $C_b$ and $C_r$ together are *chroma*. A grey pixel has $C_b = C_r = 128$.

# %%
planes = jpeg.planes(rgb)
spread = planes.std(dim=(0, 2, 3))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-planes", "caption": "A photo and its three planes. All three are shown on the same scale of grey, 0 to 255."}, "image": {"alt": "A colour photo, its sharp brightness plane, and two flat, mostly mid-grey colour planes."}}
jpeg.colour_planes(rgb)

# %% tags=["remove-cell"]
for name, value in zip(("y", "cb", "cr"), spread, strict=True):
    glue(f"spread_{name}", value)

# %% [markdown]
# Nearly all that we recognise is in $Y$ ({numref}`fig-planes`). Its values spread by {glue:text}`spread_y:.0f` levels
# (standard deviation), those of $C_b$ and $C_r$ by {glue:text}`spread_cb:.0f` and {glue:text}`spread_cr:.0f`. Most
# encoders therefore keep only one chroma sample for each 2 × 2 pixels ("4:2:0"). The paper keeps all of them
# ("4:4:4"), and so shall we, unless we say otherwise.

# %% [markdown]
# ## Blocks of eight by eight
#
# Next, each plane is cut into squares of 8 × 8 samples. From here on **every block is on its own**: it is transformed
# and rounded without a look at its neighbours. That makes JPEG simple and quick. It is also the reason why you can see
# the squares when the file gets small.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-block", "caption": "From photo to block. The block on the right will be with us for the rest of the chapter."}, "image": {"alt": "The luma plane with a small frame; the 3 by 3 blocks inside the frame; the middle block alone, 64 grey squares with an edge between dark and light."}}
jpeg.block_in_photo(y, row, col)

# %% [markdown]
# The block of {numref}`fig-block` holds an edge, and edges are where JPEG has a hard time. Its 64 samples are numbers
# from 0 to 255. The encoder takes 128 off each, so that zero means mid-grey.

# %% [markdown]
# ## The DCT: a block as a sum of cosines
#
# Here is the heart of the matter. Instead of 64 brightnesses, we describe a block by 64 *patterns* and how much there
# is of each. The patterns are cosines, and the recipe is the discrete cosine transform {cite:p}`ahmed1974dct`. With
# $x$ the block less 128,
#
# $$
# F = D\,x\,D^{\top}, \qquad
# D_{k,n} = \frac{c_k}{2} \cos\frac{(2n + 1)\,k\,\pi}{16}, \qquad c_0 = \tfrac{1}{\sqrt 2},\; c_{k>0} = 1.
# $$ (eq-dct)
#
# $D$ is an 8 × 8 matrix. Row $k$ is a cosine with $k$ half-waves. Its rows have length one and stand at right angles
# to each other, so the way back is the transpose, $x = D^{\top} F D$. Let us make sure:

# %% tags=["nbval-check-output"]
D = dct_matrix().numpy()
error = np.abs(D @ D.T - np.eye(8)).max()
bool(error < 1e-12)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dct-basis", "caption": "The 64 patterns of the DCT. Every 8 \u00d7 8 block of every JPEG photo is a sum of these."}, "image": {"alt": "A grid of 8 by 8 small patterns: flat at the top left, vertical stripes getting finer to the right, horizontal stripes getting finer downwards, checks in between."}}
jpeg.basis()

# %% [markdown]
# Each pattern in {numref}`fig-dct-basis` is a row of $D$ times another row. The number $F_{v,u}$ says how much of the
# pattern in row $v$ and column $u$ is in the block. The top left one is flat, and $F_{0,0}$ is eight times the mean of
# the block: we call it **DC**. The other 63 are **AC**, the detail. (The names are from electricity: direct and
# alternating current.)
#
# ### A few patterns do most of the work
#
# Let us put our block together again, pattern by pattern, in the order in which a file holds them: in a *zigzag* from
# the slow cosines to the fine ones. Drag the slider of {numref}`fig-rebuild` slowly and watch two things: how soon the
# picture tells what it is, and how the curve of errors falls in a few large steps, each of them one pattern that this
# edge cannot do without.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rebuild", "caption": "The block as the sum of its cosines up to a place in zigzag order, the cosine that came last (red: lighter, blue: darker; strong colours for large and small ones alike), and by how many levels the sum is off. Nothing is rounded here. Drag the slider, or use the arrow keys."}}
block = y[8 * row : 8 * row + 8, 8 * col : 8 * col + 8]
frames, labels, alts, captions = zigzag.rebuild_slider(block)
frames_slider(frames, labels, alts, captions=captions, description="Place", start=5, width="30rem")

# %% tags=["remove-cell"]
share = jpeg.energy_share(y, 10)
glue("energy_first_ten", 100 * share)

# %% [markdown]
# After a quarter of the patterns you know what it is ({numref}`fig-rebuild`). And this block is a hard one. Over the
# whole photo, the first 10 of 63 AC coefficients hold {glue:text}`energy_first_ten:.0f` % of the detail's energy (the
# sum of squares). Photos are smooth nearly everywhere, and a smooth block needs only slow cosines. That is the whole
# secret of JPEG: the DCT does not make a block smaller, it **gathers what matters in a few numbers**, so that the rest
# can be rounded to zero.
#
# There is a second gift. Because $D$ keeps lengths, an error of one level in a coefficient is an error of the same
# energy in the pixels (Parseval). Whoever decides how to round coefficients decides, by the same number, how far off
# the pixels will be.

# %% [markdown]
# ## Quantisation: the step that loses
#
# Now the only step that throws something away. A table $Q$ gives each of the 64 coefficients a step size. The encoder
# divides and rounds, and the file keeps the whole numbers $\hat Z$; the decoder multiplies again:
#
# $$
# \hat Z = \left\lfloor F \oslash Q \right\rceil, \qquad \hat F = \hat Z \odot Q.
# $$ (eq-quantise)
#
# ($\oslash$ and $\odot$ divide and multiply number by number, and $\lfloor\cdot\rceil$ rounds to the nearest whole
# number.) A coefficient smaller than half its step becomes zero. Any other is off by at most half a step.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-tables", "caption": "The tables of Annex K of the standard, which stand for quality 50: step sizes for luma and for chroma. Dark is coarse."}, "image": {"alt": "Two 8 by 8 tables of numbers. Luma goes from 10 at the top left to 121 near the bottom right; chroma reaches 99 after four places."}}
jpeg.tables(quality_tables(50))

# %% [markdown]
# The tables of {numref}`fig-tables` come with the standard {cite:p}`itu1992t81`. They come from experiments in
# the 1980s on which patterns people can still see: fine ones (bottom right) may get coarse steps, slow ones (top left)
# may not. The
# **quality** of libjpeg, the library behind nearly all JPEG software, only scales them:
#
# $$
# Q_q = \left\lfloor \frac{s_q\, Q_{50} + 50}{100} \right\rfloor \text{ kept in } 1 \ldots 255, \qquad
# s_q = \begin{cases} \lfloor 5000 / q \rfloor & q < 50 \\ 200 - 2q & q \ge 50. \end{cases}
# $$ (eq-quality)
#
# So the table has 64 knobs for luma and 64 for chroma, and quality turns them all at once. Here is the first row of
# the luma table at three qualities:

# %% tags=["nbval-check-output"]
for quality in (10, 50, 90):
    print(quality, quality_tables(quality)[0, 0].tolist())

# %% [markdown]
# ### Turn the knob yourself
#
# {numref}`fig-block-slider` is our block at different qualities. Watch three things as you go down: the zeros that
# grow from the bottom right of $\hat Z$, the bits, and the flat part of the block, far from the edge. It will not stay
# flat.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-block-slider", "caption": "One block, by quality: samples, coefficients, whole numbers and what the decoder shows. Drag the slider, or use the arrow keys."}}
qualities = [2, 5, 10, 20, 30, 50, 70, 85, 95]
frames, labels, alts, captions = jpeg.block_slider(block, qualities)
frames_slider(frames, labels, alts, captions=captions, description="Quality", start=4, width="36rem")

# %% tags=["remove-cell"]
for quality in (10, 50):
    coded = jpeg.code_block(block, quality_tables(quality)[0])
    glue(f"block_kept_{quality}", coded.kept)
    glue(f"block_bits_{quality}", coded.bits)
    glue(f"block_error_{quality}", coded.error)

# %% [markdown]
# At quality 50, {glue:text}`block_kept_50` of 64 coefficients are left, and they cost {glue:text}`block_bits_50` bits.
# At quality 10, {glue:text}`block_kept_10` are left for {glue:text}`block_bits_10` bits; the samples are then off by
# {glue:text}`block_error_10:.0f` levels instead of {glue:text}`block_error_50:.0f`.

# %% [markdown]
# ## Where the bits go
#
# The whole numbers still have to be written down. JPEG does it in three moves.
#
# 1. **Zigzag.** The 64 numbers are read along diagonals, from the top left to the bottom right. The zeros then come
#    last, in one long run.
# 2. **Runs and sizes.** Each number that is not zero is written as a pair: how many zeros stood before it, and how
#    many bits its value needs. When only zeros are left, one sign says so: *end of block*. The DC is written as its
#    difference from the DC of the block before.
# 3. **Huffman codes.** Frequent pairs get short codes, rare ones long codes.
#
# Nothing is lost here. We can count it, block by block, and our sums agree with the file to the byte (there is a test
# for that).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-where-bits", "caption": "What a 4:4:4 file with the standard's Huffman codes spends its bits on, by quality."}, "image": {"alt": "Stacked bars, one for each quality. Luma detail grows from a sliver at quality 5 to half of the bar at quality 75; end signs and headers keep their width."}}
artefacts.where_bits_go(rgb, [5, 10, 30, 50, 75])

# %% tags=["remove-cell"]
spent = artefacts.spend(rgb, 10)
glue("end_share", 100 * spent["luma: end signs"] / sum(spent.values()))
glue("detail_share", 100 * spent["luma: detail (AC)"] / sum(spent.values()))

# %% [markdown]
# At quality 10 a strange thing shows in {numref}`fig-where-bits`: the luma signs for "nothing more to come" take
# {glue:text}`end_share:.0f` % of the file, and all luma detail {glue:text}`detail_share:.0f` %. The standard's Huffman
# codes were made for good pictures, where the end of a block is one event among many. In a small file it is the most
# frequent event of all, and deserves a shorter code. So it pays to make **optimised** codes for the picture at hand;
# the decoder reads them from the file's head. **Progressive** files go further: they send all DCs first and detail
# later, and one sign can say that a whole row of blocks has ended. The pixels are the same in all three.

# %%
grid = [5, 10, 20, 30, 50, 75, 90]
sizes = artefacts.file_sizes(rgb, grid)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sizes", "caption": "The same whole numbers written in three ways: size by quality, and as a share of the file with the standard's codes."}, "image": {"alt": "Two plots. Left: three curves of bits per pixel that rise with quality, close together. Right: optimised and progressive files as a share of the default, about half at quality 5 and close to all at quality 90."}}
artefacts.compare_sizes(sizes, grid, y.size)

# %% tags=["remove-cell"]
at = grid.index(10)
default, optimised, progressive = (size[at] for size in sizes.values())
glue("saved_optimised", 100 - 100 * optimised / default)
glue("saved_progressive", 100 - 100 * progressive / default)
glue(
    "saved_progressive_75", 100 - 100 * sizes["progressive"][grid.index(75)] / sizes["default Huffman"][grid.index(75)]
)
glue("bpp_default_10", 8 * default / y.size)
glue("bpp_optimised_10", 8 * optimised / y.size)

# %% [markdown]
# At quality 10, optimised codes save {glue:text}`saved_optimised:.0f` % and a progressive file
# {glue:text}`saved_progressive:.0f` %, for free. At quality 75 only {glue:text}`saved_progressive_75:.0f` % are left
# ({numref}`fig-sizes`).
#
# ```{admonition} Which bits does the paper count?
# :class: important
# The paper's counting uses the standard's codes (we know from the baseline's published program
# {cite:p}`struempler2020learning`). On this photo at quality 10 that is {glue:text}`bpp_default_10:.2f` bpp, where the
# same pixels can be had for {glue:text}`bpp_optimised_10:.2f` bpp. Neither counting is wrong. But a curve of one must
# never be compared with a curve of the other. This book gives both, and says which is which.
# ```

# %% [markdown]
# ## Why a block rings
#
# You saw ripples in the slider. Here is where they come from, in a picture as simple as can be: three blocks, dark on
# the left, light on the right, and the edge between them inside the middle block.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ringing", "caption": "An edge at quality 10. Top: before and after. Bottom left: the middle block's cosines, as they should be and as the file stores them. Bottom right: one row of pixels; blue lines are borders of blocks."}, "image": {"alt": "The decoded edge has dark and light stripes beside it, but only inside the middle block. Of its eight cosines the last three, which should not be zero, were stored as zero. The decoded row of pixels swings around the original on both sides of the edge and is calm in the outer blocks."}}
artefacts.edge(10)

# %% tags=["remove-cell"]
glue("ripple", artefacts.off_by(10, clear=1))
glue("edge_off", artefacts.off_by(10))
glue("border_off", artefacts.off_by(10, at=8))

# %% [markdown]
# Read {numref}`fig-ringing` in three steps.
#
# 1. **An edge needs all its cosines.** No single cosine has a jump in it. To make one, all eight must add up in
#    exactly the right proportions: beside the edge, their hills and valleys cancel and leave it flat.
# 2. **Rounding spoils the balance.** The finest cosines of an edge are small and have the largest steps, so they
#    become zero; the others are moved to the next multiple of their step. What is left no longer cancels.
# 3. **Each cosine fills the whole block.** So the error does not stay at the edge: it ripples across all eight
#    columns, also where the picture was perfectly flat. It stops at the border of the block, because the neighbour has
#    cosines of its own. Here the flat parts, a pixel or more from the edge, are off by up to
#    {glue:text}`ripple:.0f` levels.
#
# **That is ringing: a block shows ripples beside an edge because the cosines that should have cancelled them were
# rounded away.** The eye sees it best where it has least business: on a plain sky beside a roof.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-errors", "caption": "A part of the photo, the same at quality 10, and the difference in luma (red: too light, blue: too dark) with the grid of blocks."}, "image": {"alt": "Left the original part, in the middle its decoded version with ripples and squares, on the right the difference: strong red and blue patterns inside blocks that hold an edge, pale elsewhere."}}
artefacts.errors(rgb, shown[10], near)

# %% [markdown]
# {numref}`fig-errors` shows the same on the photo. Blocks with an edge are filled with ripples, up to their borders.
# Blocks without one are nearly right.
#
# ## Why we see squares
#
# The other fault needs no edge. In a soft slope, such as a sky, each block has only a mean and a slow cosine or two.
# When these are rounded, one block comes out a little too light and the next a little too dark. Inside each block all
# is smooth; all the error meets at the border. We can measure it: how large is the mean step from one column to the
# next, inside of blocks and from block to block?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-blocking", "caption": "Mean step in luma from one column to the next, by place in the block."}, "image": {"alt": "Four curves. The original is level. The decoded ones are lower than it inside the block and jump above it at the border, the more so the lower the quality."}}
artefacts.blocking({"original": rgb, **{f"quality {q}": shown[q] for q in (30, 10, 5)}})

# %% tags=["remove-cell"]
before, after = artefacts.border_steps(rgb), artefacts.border_steps(shown[10])
glue("border_before", before[7] / before[:7].mean())
glue("border_after", after[7] / after[:7].mean())

# %% [markdown]
# In the original, a step over a border is {glue:text}`border_before:.2f` times a step inside: the photo knows nothing
# of our grid. At quality 10 it is {glue:text}`border_after:.1f` times as large ({numref}`fig-blocking`). Inside the
# blocks, detail is gone and steps are smaller than they should be; at the borders they are larger. **That is blocking:
# neighbours were rounded without asking each other.**

# %% [markdown]
# ## Do we have the decoder right?
#
# All that follows trains an encoder through *our* decoder, so ours must show what the world's decoders show. We
# predict every pixel with our own steps backwards ({numref}`fig-workflow`), and compare with libjpeg-turbo, the
# decoder in most browsers.

# %%
agreement = {quality: jpeg.inverse_agreement(rgb, quality) for quality in (10, 50, 95)}

# %% tags=["remove-cell"]
worst = min(agreement.values(), key=lambda of: of["within_one"])
glue("equal_10", 100 * agreement[10]["equal"])
glue("equal_95", 100 * agreement[95]["equal"])
glue("within_one", 100 * worst["within_one"])
glue("largest_off", max(of["largest"] for of in agreement.values()))

# %% [markdown]
# At quality 10, {glue:text}`equal_10:.1f` % of all values (three a pixel) are the very same; at quality 95 it
# is {glue:text}`equal_95:.1f` %. At the worst of the three qualities we looked at, {glue:text}`within_one:.2f` % are
# within one level of 255, and none is off by more than {glue:text}`largest_off:.0f`. The rest is how decoders
# calculate: libjpeg-turbo uses whole-number arithmetic for the cosines, which the standard allows. So what our
# training sees is what a reader's browser will show.

# %% [markdown]
# ## Summary
#
# - A photo becomes luma and chroma, then blocks of 8 × 8, then 64 cosines a block. All of this can be undone.
# - Quantisation divides each coefficient by its step in $Q$ and rounds. It is the only loss, and quality merely
#   scales one fixed pair of tables.
# - The standard says how to *read* a file. It does not say which whole numbers to put in. That freedom is the
#   encoder's, and learning how to use it is what the paper is about.
# - **Ringing**: an edge needs all its cosines to cancel beside it; rounding spoils the balance and the error ripples
#   to the block's borders. **Blocking**: neighbours are rounded on their own and no longer meet.
# - The same pixels can take very different numbers of bits. Always ask how they were counted.
#
# The paper's account of JPEG (its section 3.1) leaves some things open. We take it to mean 4:4:4, as the baseline's
# program does, and coefficients *divided by* the table, where the paper says "divide the quantization table".
#
# ## Exercises
#
# **1.** All 64 samples of a block are 200, and the block on its left was mid-grey. What are its coefficients? How many
# bits does it cost at quality 50?

# %% tags=["hide-cell"]
flat = jpeg.code_block(np.full((8, 8), 200), quality_tables(50)[0])
print(f"F[0, 0] = {flat.F[0, 0]:.0f}, kept {flat.kept}, Z[0, 0] = {flat.z_hat[0, 0]}, {flat.bits} bits")

# %% [markdown]
# ```{admonition} Solution
# :class: dropdown
# A flat block has only a mean: $F_{0,0} = 8 \cdot (200 - 128) = 576$, and the 63 others are zero. Divided by the step
# 16 that is 36, which needs 6 bits, and the code for "6 bits" takes 4. Then comes the end of block, 4 bits more:
# 14 bits for 64 samples. The hidden cell above does the sum.
# ```
#
# **2.** Move the edge of {numref}`fig-ringing` to the border between two blocks: `artefacts.edge(10, at=8)`. Think
# first: will it ring?
#
# ```{admonition} Solution
# :class: dropdown
# No. Now each of the three blocks is flat, and a flat block needs one number only. Nothing has to cancel, so nothing
# rings: the largest error falls from {glue:text}`edge_off:.0f` to {glue:text}`border_off:.0f` levels, and that is the
# rounding of the means. JPEG is at its best when edges happen to lie on its grid. They seldom do.
# ```
#
# **3.** At quality 10 the first step of the luma table is 80. By how many levels can the mean of a block be off? And how
# high a step can that put between two neighbours that should be alike?
#
# ```{admonition} Solution
# :class: dropdown
# $F_{0,0}$ is eight times the mean and is off by at most half its step, 40. So the mean is off by at most
# $40 / 8 = 5$ levels. If one block's mean goes up and its neighbour's down, they part by 10 levels along a straight
# line of eight pixels: a square that you can see, and the *blocking* of {numref}`fig-blocking`.
# ```
#
# ## What's next
#
# One table for a whole photo treats every block alike: the sky, the roof, the grass. In {ref}`ch-attention` a network
# looks at the photo first and tells the encoder, block by block, which coefficients are worth their bits.
