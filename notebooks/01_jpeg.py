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
# Nearly every photo that you have seen on a screen today came as a JPEG file. The format dates from 1992
# {cite:p}`wallace1992jpeg`, and every browser, phone and camera can read it. The paper behind this book
# {cite:p}`liu2022encoders` therefore leaves the decoder as it is and improves the *encoder*. To follow it, you
# need to know what an encoder is free to choose. This chapter builds JPEG from scratch, one step at a time.
#
# ```{admonition} What you will learn
# - what happens to a photo on its way into a file, and which single step loses information
# - what the 64 cosines of the DCT are, and why a photo needs only a few of them
# - what "quality" does, and where the bits of a file go
# - why a strongly compressed photo shows ripples beside edges (*ringing*) and squares (*blocking*)
#
# You need some Python, but no knowledge of JPEG.
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

# %% tags=["hide-input"]
import io
import math

import numpy as np
import torch
from PIL import Image

from bookkit import frames_slider, glue, live
from chapters import diagrams, jpeg, style

photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
row, col = jpeg.BLOCKS[photo.name]  # the block to look at, and what is around it
near = style.Box(8 * row - 40, 8 * col - 64, 88, 128)

# %% [markdown]
# ## One photo, three sizes
#
# Everybody knows the trade-off: the smaller the file, the worse the picture. We save one photo, `rgb`, at four
# qualities and decode the files again. (Two of the four are shown here, the others further down.) Pillow, Python's
# imaging library, leaves both jobs to libjpeg-turbo, a fast version of the library libjpeg. We call it libjpeg for
# short.


# %%
def save(rgb, **options):
    """The bytes of a JPEG file. Chroma is kept at full resolution: see below."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", subsampling=0, **options)
    return stream.getvalue()


def show(data):
    """The pixels that libjpeg decodes from a file's bytes."""
    return np.array(Image.open(io.BytesIO(data)))


files = {q: save(rgb, quality=q, optimize=True) for q in (50, 30, 10, 5)}
shown = {q: show(data) for q, data in files.items()}

# %% tags=["remove-cell"]
glue("photo_name", photo.name)
glue("pixels_kb", rgb.size / 1000)
pixels = rgb.shape[0] * rgb.shape[1]
for quality, data in files.items():
    glue(f"kb_{quality}", len(data) / 1000)
    glue(f"bpp_{quality}", 8 * len(data) / pixels)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-levels", "caption": "One photo at three levels of compression, as in Fig. 1 of the paper: untouched, at quality 50 and at quality 5. Below: the framed part, enlarged."}, "image": {"alt": "Three versions of a photo, and below each a part of it, enlarged. The second looks like the first. The third breaks up into flat squares, with false colours."}}
jpeg.levels({"original": rgb, "quality 50": shown[50], "quality 5": shown[5]}, near)

# %% [markdown]
# The pixels of this photo ({glue:text}`photo_name`) take {glue:text}`pixels_kb:.0f` kB, at three bytes each. At quality
# 50 the file takes {glue:text}`kb_50:.0f` kB, and the difference is hard to see. At quality 5 it takes
# {glue:text}`kb_5:.0f` kB, and the damage is plain. {numref}`fig-levels` shows all three levels, as Fig. 1 of the paper
# does.
#
# To compare photos of different sizes we count **bits per pixel** (bpp): the size of the file in bits, divided by the
# number of pixels. The pixels themselves need 24 bpp. Here quality 50 is {glue:text}`bpp_50:.2f` bpp and quality 5 is
# {glue:text}`bpp_5:.2f` bpp. The paper's experiments lie between about 0.25 and 0.42 bpp. That is strong compression,
# so the faults are easy to see.

# %% [markdown]
# ## The whole way at a glance
#
# {numref}`fig-workflow` shows the steps of this chapter. The encoder goes from left to right, and the decoder comes
# back from right to left.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-workflow", "caption": "From the photo to the file and back (Fig. 2 of the paper)."}, "image": {"alt": "Above, the encoder, five boxes from left to right: colour, blocks, DCT, quantise, entropy code. An arrow leads to the file. Below, the decoder, five boxes from right to left that undo these steps. The box for quantising is marked: only here is anything thrown away."}}
diagrams.workflow()

# %% [markdown]
# Four of the five steps can be undone, and the decoder does undo them, apart from rounding to whole levels. One step,
# *quantise*, divides and rounds. What it rounds away is gone. So the picture depends on one choice of the encoder:
# **what to round away**. Most of this book is about that choice. (The last step, the entropy code, changes only the
# size of the file.)

# %% [markdown]
# ## Colour: brightness first
#
# Our eyes see fine detail in brightness, but little of it in colour. So JPEG first turns red, green and blue into one
# plane of brightness and two of colour difference:
#
# $$
# \begin{pmatrix} Y \\ C_b \\ C_r \end{pmatrix} =
# \begin{pmatrix} 0.299 & 0.587 & 0.114 \\ -0.169 & -0.331 & 0.5 \\ 0.5 & -0.419 & -0.081 \end{pmatrix}
# \begin{pmatrix} R \\ G \\ B \end{pmatrix} +
# \begin{pmatrix} 0 \\ 128 \\ 128 \end{pmatrix}.
# $$ (eq-ycbcr)
#
# $Y$ is called *luma*; $C_b$ and $C_r$ together are *chroma*. In code, a picture is a tensor of shape (pictures, 3,
# height, width), and `einsum` multiplies the matrix by the colour of every pixel:

# %%
YCBCR = torch.tensor(
    [
        [0.299, 0.587, 0.114],
        [-0.168735892, -0.331264108, 0.5],
        [0.5, -0.418687589, -0.081312411],
    ]
)
CENTRE = torch.tensor([0.0, 128.0, 128.0]).view(3, 1, 1)


def rgb_to_ycbcr(x):
    """RGB → Y, Cb and Cr, all (B, 3, H, W) on 0–255."""
    return torch.einsum("ij,bjhw->bihw", YCBCR, x) + CENTRE


x = torch.tensor(rgb).permute(2, 0, 1)[None].float()
ycbcr = rgb_to_ycbcr(x)

# %% [markdown]
# A grey pixel should have $C_b = C_r = 128$. The planes should equal Pillow's, except that Pillow cuts off the
# fractions:

# %% tags=["nbval-check-output"]
grey = rgb_to_ycbcr(torch.full((1, 3, 1, 1), 90.0)).flatten()
print("a grey pixel:", grey.round(decimals=3).tolist())
pillow = torch.tensor(np.array(Image.fromarray(rgb).convert("YCbCr"))).permute(2, 0, 1)
apart = (ycbcr[0] - pillow).abs().max()
print("within a level of Pillow's planes:", bool(apart < 1.01))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-planes", "caption": "A photo and its three planes. All three are shown on the same grey scale, 0 to 255."}, "image": {"alt": "A colour photo, its sharp brightness plane, and two flat, mostly mid-grey colour planes."}}
jpeg.colour_planes(rgb, ycbcr[0])

# %% tags=["remove-cell"]
for name, value in zip(("y", "cb", "cr"), ycbcr.std(dim=(0, 2, 3)), strict=True):
    glue(f"spread_{name}", value)

# %% [markdown]
# Nearly everything that we recognise is in $Y$ ({numref}`fig-planes`). Its values have a standard deviation of
# {glue:text}`spread_y:.0f` levels, compared with {glue:text}`spread_cb:.0f` for $C_b$ and {glue:text}`spread_cr:.0f`
# for $C_r$. Most encoders therefore keep only one chroma sample for each 2 × 2 pixels ("4:2:0"), and so lose a little
# here, too. The paper does not say what it does. It builds on an earlier encoder, its *baseline*
# {cite:p}`struempler2020learning`, whose program keeps all samples ("4:4:4", Pillow's `subsampling=0`). So do we,
# unless we say otherwise.

# %% [markdown]
# ## Blocks of eight by eight
#
# Next, each plane is cut into squares of 8 × 8 samples. (Where a side is not a multiple of 8, the last row or column is
# repeated.) From here on **every block is on its own**: it is transformed and rounded without regard to its neighbours.
# That makes JPEG simple and fast. It is also why you can see the squares when the file gets small.


# %%
def to_blocks(x):
    """(B, C, H, W) with sides that are multiples of 8 → (B, C, rows, cols, 8, 8)."""
    return x.unfold(2, 8, 8).unfold(3, 8, 8)


y = ycbcr[0, 0]
block = to_blocks(ycbcr)[0, 0, row, col]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-block", "caption": "From photo to block. The block on the right is the example for the rest of the chapter."}, "image": {"alt": "The luma plane with a small frame; the 3 by 3 blocks inside the frame; the middle block alone, 64 grey squares with an edge between dark and light."}}
jpeg.block_in_photo(y, row, col)

# %% [markdown]
# The block of {numref}`fig-block` contains an edge, and edges are hard for JPEG. Its 64 samples are numbers
# from 0 to 255. The encoder subtracts 128 from each, so that zero means mid-grey.

# %% [markdown]
# ## The DCT: a block as a sum of cosines
#
# This step is the core of JPEG. Instead of listing 64 brightnesses, we say how much of each of 64 *patterns* the block
# contains. The patterns are cosines. The discrete cosine transform {cite:p}`ahmed1974dct` computes the amounts $F$. If
# $x$ is the block less 128,
#
# $$
# \begin{aligned}
# F &= D\,x\,D^{\top}, \\
# D_{k,n} &= \frac{c_k}{2} \cos\frac{(2n + 1)\,k\,\pi}{16}, \qquad c_0 = \tfrac{1}{\sqrt 2},\; c_{k>0} = 1.
# \end{aligned}
# $$ (eq-dct)
#
# $D$ is an 8 × 8 matrix. Row $k$ is a cosine with $k$ half-waves:


# %%
def dct_matrix():
    """(8, 8): row u is the cosine of frequency u, of length 1."""
    n = torch.arange(8.0)
    D = torch.cos((2 * n[None, :] + 1) * n[:, None] * math.pi / 16) / 2
    D[0] /= math.sqrt(2)
    return D


def dct(blocks):
    """Samples (…, 8, 8) → coefficients F[v, u]: v vertical, u horizontal frequency."""
    D = dct_matrix()
    return D @ blocks @ D.T


def idct(F):
    """Coefficients F (…, 8, 8) → samples (…, 8, 8)."""
    D = dct_matrix()
    return D.T @ F @ D


F = dct(block - 128)

# %% [markdown]
# The rows of $D$ have length one and are at right angles to each other. So $D\,D^{\top}$ is the identity, and the
# inverse transform is $x = D^{\top} F D$. SciPy's transform and the package's fast one must give the same
# numbers:

# %% tags=["nbval-check-output"]
from scipy.fft import dctn

from repro.stages import forward_dct

D = dct_matrix()
scipy = dctn(block.numpy() - 128, norm="ortho")
fast = forward_dct(x)[0, 0, row, col]
print("D Dᵀ is the identity:", torch.allclose(D @ D.T, torch.eye(8), atol=1e-6))
print("the block comes back:", torch.allclose(idct(F) + 128, block, atol=1e-3))
print("SciPy agrees:", np.allclose(F, scipy, atol=1e-3))
print("the package's fast version agrees:", torch.allclose(F, fast, atol=1e-3))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-dct-basis", "caption": "The 64 patterns of the DCT. Every 8 \u00d7 8 block of every JPEG photo is a sum of these."}, "image": {"alt": "A grid of 8 by 8 small patterns: flat at the top left, vertical stripes getting finer to the right, horizontal stripes getting finer downwards, checks in between."}}
jpeg.basis(D)

# %% [markdown]
# Each pattern in {numref}`fig-dct-basis` is the product of two rows of $D$. The number $F_{v,u}$ says how much of the
# pattern in row $v$ and column $u$ is in the block. The pattern at the top left is flat.
# Its coefficient $F_{0,0}$ is eight times the mean of $x$ and is called **DC**. The other 63 are called **AC**: the
# detail. (The names come from electricity: direct and alternating current.)
#
# ### A few patterns do most of the work
#
# Let us put our block together again, pattern by pattern. We take them in the order in which a file holds them, from
# low frequencies to high ones along the diagonals, in a *zigzag*:


# %%
def zigzag(block):
    """(8, 8) → (64,): along the anti-diagonals, turning at the edges."""
    places = [(v, u) for v in range(8) for u in range(8)]
    places.sort(key=lambda p: (sum(p), p[0] if sum(p) % 2 else p[1]))
    return np.array([block[v, u] for v, u in places])


order = zigzag(np.arange(64).reshape(8, 8))  # entry (v, u) is 8v + u
so_far, sums = torch.full((8, 8), 128.0), []
for v, u in zip(order // 8, order % 8, strict=True):
    so_far = so_far + F[v, u] * torch.outer(D[v], D[u])
    sums.append(so_far)

# %% [markdown]
# Drag the slider of {numref}`fig-rebuild` slowly and watch two things: how soon you recognise the block, and how the
# error falls in a few large steps. Each large step is a pattern that matters for this edge.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rebuild", "caption": "The block as the sum of its cosines up to a place in zigzag order; the cosine added last (red: lighter, blue: darker, on a scale on which small values show, too); and by how many levels the sum is still off. Nothing is rounded here. Drag the slider, or use the arrow keys."}}
frames, labels, alts, captions = jpeg.rebuild_slider(block, F, order.tolist(), sums)
frames_slider(
    frames, labels, alts, captions=captions, description="Place", start=5, width="30rem"
)

# %% [markdown]
# After a quarter of the patterns you can recognise the block, although it is a hard one. Over the whole photo, how much
# of the energy of the detail (the sum of squares of AC) do the first ten AC coefficients hold?

# %%
energy = zigzag((dct(to_blocks(ycbcr - 128))[0, 0] ** 2).mean(dim=(0, 1)))
share = energy[1:11].sum() / energy[1:].sum()

# %% tags=["remove-cell"]
glue("energy_first_ten", 100 * share)

# %% [markdown]
# Ten of 63 coefficients hold {glue:text}`energy_first_ten:.0f` % of it. Most of a photo is smooth, and a smooth block
# needs only low frequencies. That is why JPEG works: the DCT does not make a block smaller, but it **gathers what
# matters in a few numbers**, so that the rest can be rounded to zero.
#
# There is a second advantage. $D$ preserves lengths, so an error in the coefficients has the same energy as the error
# that it makes in the samples (Parseval's theorem). An encoder can therefore compute its error without decoding:

# %% tags=["nbval-check-output"]
wrong = F + torch.randn(8, 8, generator=torch.manual_seed(seed))
in_pixels = ((idct(wrong) - idct(F)) ** 2).sum()
in_coefficients = ((wrong - F) ** 2).sum()
print("the same energy:", torch.allclose(in_pixels, in_coefficients, rtol=1e-3))

# %% [markdown]
# ## Quantisation: the step that loses
#
# Now comes the only step that throws something away. A table $Q$ gives each of the 64 coefficients a step size. The
# encoder divides by this step and rounds. The file keeps the whole numbers $\hat Z$, and the decoder multiplies by the
# step again:
#
# $$
# \hat Z = \left\lfloor F \oslash Q \right\rceil, \qquad \hat F = \hat Z \odot Q.
# $$ (eq-quantise)
#
# ($\oslash$ and $\odot$ divide and multiply number by number, and $\lfloor\cdot\rceil$ rounds to the nearest whole
# number.) A coefficient whose size is less than half its step becomes zero. No coefficient is off by more than half
# its step.


# %%
def quantise_and_restore(samples, Q):
    """Blocks (…, 8, 8) on 0–255 → Ẑ, and the samples that a decoder shows."""
    z_hat = (dct(samples - 128) / Q).round()
    return z_hat, (idct(z_hat * Q) + 128).round().clamp(0, 255)


z_hat, restored = quantise_and_restore(block, Q=torch.full((8, 8), 40.0))
print(z_hat.int().numpy())

# %% [markdown]
# All numbers are small now, and many are zero. But one step size for all coefficients is a poor choice, because the eye
# is less sensitive to errors in high frequencies. Annex K of the standard {cite:p}`itu1992t81` suggests better tables:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-tables", "caption": "The tables of Annex K of the standard, which stand for quality 50: step sizes for luma and for chroma. Dark is coarse."}, "image": {"alt": "Two 8 by 8 tables of numbers. Luma goes from 10 near the top left to 121 near the bottom right; chroma reaches 99 after four places."}}
from repro.jpeg.tables import ANNEX_K

jpeg.tables(ANNEX_K)

# %% [markdown]
# The tables of {numref}`fig-tables` come from experiments in the 1980s, which measured how strong a pattern must be for
# people to see it. High frequencies (bottom right) may have coarse steps, low ones (top left) may not. libjpeg's
# **quality** $q$ only scales these tables:
#
# $$
# Q_q = \left\lfloor \frac{s_q\, Q_{50} + 50}{100} \right\rfloor \text{ kept in } 1 \ldots 255, \qquad
# s_q = \begin{cases} \lfloor 5000 / q \rfloor & q < 50 \\ 200 - 2q & q \ge 50. \end{cases}
# $$ (eq-quality)


# %%
def quality_tables(quality):
    """The (2, 8, 8) tables of libjpeg, luma and chroma, at a quality from 1 to 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return ((torch.as_tensor(ANNEX_K) * percent + 50) // 100).clamp(1, 255)


# %% [markdown]
# There are 64 step sizes for luma and 64 for chroma, and quality changes them all at once. Here is the first row of the
# luma table at three qualities, and a comparison with the tables in the files that we saved above:

# %% tags=["nbval-check-output"]
from repro.jpeg.codestream import read

for quality in (10, 50, 90):
    print(quality, quality_tables(quality)[0, 0].tolist())
same = [np.array_equal(read(f).tables, quality_tables(q)) for q, f in files.items()]
print("libjpeg's files hold the same tables:", all(same))

# %% [markdown]
# ## Writing the numbers down
#
# The whole numbers still have to be turned into bits. JPEG does this in three steps, and none of them loses anything.
#
# 1. **Zigzag.** The 64 numbers are read along diagonals, from the top left to the bottom right. The zeros then come
#    last, in one long run.
# 2. **Runs and sizes.** Each number that is not zero becomes a *symbol* that says how many zeros stood before it and
#    how many bits its value takes. The bits of the value follow. (For a negative value, these are the lowest bits of
#    the value less 1.) When only zeros are left, one symbol says so: *end of block*. DC is written as its difference
#    from the DC of the block before.
# 3. **Huffman codes.** Frequent symbols get short codes, rare ones long codes.
#
# The second step in code:


# %%
def block_symbols(z, dc_before):
    """Ẑ of a block in zigzag order → (symbol, bits of the value after it), DC first."""
    size = abs(int(z[0]) - dc_before).bit_length()
    symbols = [(size, size)]
    run = 0
    for value in z[1:]:
        if value == 0:
            run += 1
            continue
        symbols += [(0xF0, 0)] * (run // 16)
        size = abs(int(value)).bit_length()
        symbols.append((16 * (run % 16) + size, size))
        run = 0
    return symbols + [(0x00, 0)] * (run > 0)


# %% [markdown]
# A symbol of an AC coefficient is one byte, 16 · run + size, which is easiest to read in hexadecimal. Take a block with
# DC 5 and three other numbers:

# %% tags=["nbval-check-output"]
z = np.zeros(64, int)
z[[0, 1, 4, 30]] = 5, -3, 1, 2
print([f"{symbol:02x}" for symbol, _ in block_symbols(z, dc_before=7)])

# %% [markdown]
# DC differs by −2, which takes 2 bits (`02`). Next come −3, with no zero before it and 2 bits (`02` again), and 1 after
# two zeros (`21`). There are 25 zeros before the last number. Sixteen of them have their own symbol (`f0`), and nine
# are left (`92`). `00` is the end of the block.
#
# The third step replaces symbols by codes. To count bits, we need only the lengths of the codes. (The codes themselves
# and the file around them are written by the package, in `repro.jpeg.codestream`.)


# %%
def block_bits(z, dc_before, dc_lengths, ac_lengths):
    """Bits of a block if its Huffman codes have these lengths (symbol → bits)."""
    (dc, dc_size), *ac = block_symbols(z, dc_before)
    return dc_lengths[dc] + dc_size + sum(ac_lengths[s] + size for s, size in ac)


# %% [markdown]
# Does this account for the whole file? We save the photo in grey, take the lengths from the file's own Huffman table,
# and count every block. The coded blocks of a file are called its *scan*. Our sum should be the number of bytes that
# libjpeg wrote between the header of the scan and the end of the file. (An encoder inserts a `00` after every byte `ff`
# of the codes. We take these out.)

# %%
from repro.jpeg.huffman import code_lengths, count_bits

data = save(np.array(Image.fromarray(rgb).convert("L")), quality=50)
lengths = code_lengths(data)
dc_lengths, ac_lengths = lengths[0, 0], lengths[1, 0]
plane = read(data).planes[0]

bits, dc_before = 0, 0
for block_z in plane.reshape(-1, 8, 8):
    z = zigzag(block_z)
    bits += block_bits(z, dc_before, dc_lengths, ac_lengths)
    dc_before = int(z[0])

scan = data[data.index(b"\xff\xda") :]
head = 2 + int.from_bytes(scan[2:4], "big")
written = scan[head:-2].replace(b"\xff\x00", b"\xff")

# %% tags=["nbval-check-output"]
print("as many bytes as libjpeg wrote:", math.ceil(bits / 8) == len(written))
print("the package's fast count agrees:", int(count_bits(plane, 0).sum()) == bits)
print("bits of the code for end of block:", ac_lengths[0x00])

# %% tags=["remove-cell"]
glue("grey_bytes", len(written))
glue("grey_blocks", plane.shape[0] * plane.shape[1])

# %% [markdown]
# All {glue:text}`grey_bytes:,d` bytes for {glue:text}`grey_blocks:,d` blocks are accounted for.
#
# ### Try a quality yourself
#
# Now we can follow one block through all steps, at any quality:

# %%
stops = {}
for quality in (2, 5, 10, 20, 30, 50, 70, 85, 95):
    z_hat, restored = quantise_and_restore(block, quality_tables(quality)[0])
    bits = block_bits(zigzag(z_hat), 0, dc_lengths, ac_lengths)
    stops[quality] = z_hat, restored, bits

# %% [markdown]
# Watch three things in {numref}`fig-block-slider` as you lower the quality: the zeros that spread from the bottom right
# of $\hat Z$, the bits, and the flat part of the block, far from the edge. It does not stay flat.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-block-slider", "caption": "One block at several qualities: samples, coefficients, whole numbers, and what the decoder shows. The bits are counted as if the block before it were mid-grey. Drag the slider, or use the arrow keys."}}
frames, labels, alts, captions = jpeg.block_slider(block, F, stops)
frames_slider(
    frames,
    labels,
    alts,
    captions=captions,
    description="Quality",
    start=4,
    width="36rem",
)

# %% tags=["remove-cell"]
for quality in (10, 50):
    z_hat, restored, bits = stops[quality]
    glue(f"block_kept_{quality}", int(z_hat.count_nonzero()))
    glue(f"block_bits_{quality}", bits)
    glue(f"block_error_{quality}", ((block - restored) ** 2).mean().sqrt())

# %% [markdown]
# From quality 50 to quality 10, the block shrinks from {glue:text}`block_bits_50` bits to {glue:text}`block_bits_10`,
# and from {glue:text}`block_kept_50` nonzero coefficients to {glue:text}`block_kept_10`. Its error grows from
# {glue:text}`block_error_50:.0f` to {glue:text}`block_error_10:.0f` levels (RMS).

# %% [markdown]
# ## Where the bits go
#
# The package's `count_bits` gives the bits of every coefficient of a plane: DC first, then 63 AC coefficients in zigzag
# order, then the end of block. Added up over a whole file in colour, they show where its bits go:


# %%
def spend(quality):
    """Bits per pixel of a file with the Huffman codes of Annex K, part by part."""
    data = save(rgb, quality=quality)
    planes = read(data).planes
    luma, cb, cr = (count_bits(planes[i], min(i, 1)) for i in range(3))
    bits = {
        "headers": 8 * len(data) - luma.sum() - cb.sum() - cr.sum(),
        "luma: means (DC)": luma[..., 0].sum(),
        "luma: detail (AC)": luma[..., 1:64].sum(),
        "luma: end of block": luma[..., 64].sum(),
        "chroma: all": cb.sum() + cr.sum(),
    }
    return {part: count / y.numel() for part, count in bits.items()}


spent = {quality: spend(quality) for quality in (5, 10, 30, 50, 75)}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-where-bits", "caption": "What a 4:4:4 file with the standard's Huffman codes spends its bits on, by quality."}, "image": {"alt": "A stacked bar of bits per pixel for each quality: headers, luma means, luma detail, luma end-of-block symbols, and chroma. Luma detail grows from a sliver at the lowest quality to the largest part of the bar at the highest; end-of-block symbols and headers keep about the same width."}}
jpeg.where_bits_go(spent)

# %% tags=["remove-cell"]
glue("end_share", 100 * spent[10]["luma: end of block"] / sum(spent[10].values()))
glue("detail_share", 100 * spent[10]["luma: detail (AC)"] / sum(spent[10].values()))

# %% [markdown]
# {numref}`fig-where-bits` may surprise you. At quality 10, luma's end-of-block symbols take
# {glue:text}`end_share:.0f` % of the file, and all luma detail takes {glue:text}`detail_share:.0f` %. The standard's
# Huffman codes come from Annex K, too. They fit the average of a large set of pictures, in which the end of a block was
# one symbol among many. In a small file it is the most frequent symbol of all and should have a shorter code. So it
# pays to make **optimised** codes for the picture at hand; the decoder reads them from the file's header.
# **Progressive** files go further. They send all DC coefficients first and the detail in later passes, and a single
# symbol can end many blocks in a row. Which division into passes is best depends on the photo, so the package's `write`
# tries many and keeps the smallest file. The pixels are the same in all three kinds of file.

# %%
from repro.jpeg.codestream import write

grid = [5, 10, 20, 30, 50, 75, 90]
stored = [save(rgb, quality=q) for q in grid]
sizes = {
    "default Huffman": [len(data) for data in stored],
    "optimised Huffman": [len(write(read(data), progressive=False)) for data in stored],
    "progressive": [len(write(read(data))) for data in stored],
}
bpp = {name: 8 * np.array(size) / y.numel() for name, size in sizes.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sizes", "caption": "The same whole numbers written in three ways: size at each quality, as a share of the file with the standard's codes."}, "image": {"alt": "Size in per cent of the default file against quality, a line each for the default, optimised and progressive files. At the lowest quality the optimised files are far smaller than the default, and the progressive ones smaller still. At the highest quality both are close to it."}}
jpeg.compare_sizes(bpp, grid)

# %% tags=["remove-cell"]
at = {quality: grid.index(quality) for quality in (10, 75)}
saved = {name: 100 - 100 * size / bpp["default Huffman"] for name, size in bpp.items()}
glue("saved_optimised", saved["optimised Huffman"][at[10]])
glue("saved_progressive", saved["progressive"][at[10]])
glue("saved_progressive_75", saved["progressive"][at[75]])
glue("bpp_default_10", bpp["default Huffman"][at[10]])
glue("bpp_optimised_10", bpp["optimised Huffman"][at[10]])

# %% [markdown]
# At quality 10, optimised codes save {glue:text}`saved_optimised:.0f` % and a progressive file
# {glue:text}`saved_progressive:.0f` %, with the same pixels. At quality 75 the progressive file saves only
# {glue:text}`saved_progressive_75:.0f` % ({numref}`fig-sizes`).
#
# ```{admonition} Which bits does the paper count?
# :class: important
# The baseline's published program {cite:p}`struempler2020learning` saves the decoded picture a second time, with the
# same tables and the standard's codes, and counts the bits of that second file. The paper does not say how it counts.
# We assume that it does the same. The second rounding hardly changes the number of bits, but the codes do. On this
# photo at quality 10 the standard's codes need {glue:text}`bpp_default_10:.2f` bpp, and optimised codes
# {glue:text}`bpp_optimised_10:.2f` bpp for the same pixels. Neither count is wrong, but a curve by one count must never
# be compared with a curve by the other. This book gives both and says which is which.
# ```

# %% [markdown]
# ## Why a block rings
#
# You saw ripples in the slider. To see where they come from, we take a very simple picture: three blocks side by side,
# dark on the left, light on the right, with the edge inside the middle block.


# %%
def edge_at(column, quality=10):
    """Three blocks with an edge: samples (8, 24), F, Ẑ ⊙ Q, and decoded samples."""
    step = torch.where(torch.arange(24) < column, 60.0, 190.0).repeat(8, 1)
    blocks, Q = to_blocks(step[None, None])[0, 0, 0], quality_tables(quality)[0]
    z_hat, restored = quantise_and_restore(blocks, Q)
    return step, dct(blocks - 128), z_hat * Q, torch.cat(list(restored), dim=1)


step, F_step, F_hat, rippled = edge_at(11)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ringing", "caption": "An edge at quality 10. Top: before and after. Bottom left: the middle block's cosines, as they should be and as the file stores them. Bottom right: one row of pixels; blue lines are borders of blocks."}, "image": {"alt": "The decoded edge has dark and light stripes beside it, but only inside the middle block. Of its eight cosines the last three, which should not be zero, were stored as zero. The decoded row of pixels swings around the original on both sides of the edge and is calm in the outer blocks."}}
jpeg.edge(step, rippled, F_step[1, 0], F_hat[1, 0])

# %% tags=["remove-cell"]
off = (rippled - step).abs()
glue("ripple", off[:, [i for i in range(24) if i not in (10, 11)]].max())
glue("edge_off", off.max())
step_8, _, _, flat_8 = edge_at(8)
glue("border_off", (flat_8 - step_8).abs().max())

# %% [markdown]
# Read {numref}`fig-ringing` in three steps.
#
# 1. **An edge needs all its cosines.** No single cosine contains a jump. To make one, all eight must add up in exactly
#    the right proportions. Then their hills and valleys cancel on both sides of the edge, and the picture is flat
#    there.
# 2. **Rounding spoils the balance.** The highest frequencies have the largest steps. Here the last three cosines are
#    less than half a step, so they become zero. The others move to the nearest multiple of their step. What is left no
#    longer cancels.
# 3. **Each cosine fills the whole block.** So the error does not stay at the edge. It ripples across all eight columns,
#    even where the picture was perfectly flat. It stops at the border, because the next block has its own cosines. Here
#    the flat parts, a pixel or more from the edge, are off by up to {glue:text}`ripple:.0f` levels.
#
# **That is ringing: a block shows ripples beside an edge because the cosines that should have cancelled them were
# rounded away.** It is most visible where the picture is plain, as in the sky beside a roof.


# %%
def luma(rgb):
    """The luma plane Y (H, W) of a photo (H, W, 3)."""
    x = torch.tensor(rgb).permute(2, 0, 1)[None].float()
    return rgb_to_ycbcr(x)[0, 0]


difference = luma(shown[10]) - luma(rgb)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-errors", "caption": "A part of the photo, the same part at quality 10, and the difference in luma (red: too light, blue: too dark) with the grid of blocks."}, "image": {"alt": "Left: the original part. Middle: its decoded version, with ripples and squares. Right: the difference, with strong red and blue patterns inside blocks that hold an edge, pale elsewhere."}}
jpeg.errors(rgb, shown[10], difference, near)

# %% [markdown]
# {numref}`fig-errors` shows ringing in the photo. Blocks with an edge are filled with ripples, up to their borders.
# Blocks without an edge are nearly right.
#
# ## Why we see squares
#
# The other fault needs no edge. In a soft gradient, such as a sky, a block has only a mean and one or two low
# frequencies. When these are rounded, one block comes out a little too light and the next a little too dark. Inside the
# blocks everything stays smooth, so the error shows at the border. We can measure this: how large is the mean
# difference between neighbouring columns, inside the blocks and across their borders?


# %%
def column_steps(rgb):
    """Mean step (8,) from column k of a block to the next; k = 7 crosses the border."""
    steps = luma(rgb).diff(dim=1).abs()
    return torch.stack([steps[:, k::8].mean() for k in range(8)])


steps = {"original": column_steps(rgb)}
steps |= {f"quality {q}": column_steps(shown[q]) for q in (30, 10, 5)}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-blocking", "caption": "Mean absolute difference in luma between one column and the next, by place in the block."}, "image": {"alt": "Four curves of the mean step between columns against the place in the block. The original's is level. Those of the decoded versions lie below it inside the block and jump above it at the border, more so at lower qualities."}}
jpeg.blocking(steps)

# %% tags=["remove-cell"]
before, after = steps["original"], steps["quality 10"]
glue("border_before", before[7] / before[:7].mean())
glue("border_after", after[7] / after[:7].mean())

# %% [markdown]
# In the original, a step across a border is {glue:text}`border_before:.2f` times as large as a step inside: the borders
# of our blocks mean nothing to the photo. At quality 10 it is {glue:text}`border_after:.1f` times as large
# ({numref}`fig-blocking`). Inside the blocks, detail is gone, and the steps are smaller than they should be. At the
# borders they are larger. **That is blocking: each block was rounded without regard to its neighbours.**

# %% [markdown]
# ## Do we have the decoder right?
#
# The next chapters train an encoder through *our* decoder, so ours must show what other decoders show. It takes the
# steps of {numref}`fig-workflow` backwards. Two of them are still missing:

# %%
RGB = torch.tensor(
    [
        [1.0, 0.0, 1.402],
        [1.0, -0.344136286, -0.714136286],
        [1.0, 1.772, 0.0],
    ]
)


def ycbcr_to_rgb(y):
    """Y, Cb and Cr → RGB, all (B, 3, H, W); not clipped."""
    return torch.einsum("ij,bjhw->bihw", RGB, y - CENTRE)


def from_blocks(blocks):
    """(B, C, rows, cols, 8, 8) → (B, C, H, W)."""
    batch, channels, rows, cols = blocks.shape[:4]
    return blocks.permute(0, 1, 2, 4, 3, 5).reshape(batch, channels, 8 * rows, 8 * cols)


# %% [markdown]
# A decoder rounds twice, first the samples and then the colours, and it rounds halves up:


# %%
def our_decoder(data):
    """The pixels (H, W, 3) of a 4:4:4 file whose sides are multiples of 8."""
    file = read(data)
    Q = torch.tensor(file.tables.astype(np.float32))[[0, 1, 1]][:, None, None]
    F_hat = torch.tensor(np.stack(file.planes)) * Q
    planes = (from_blocks(idct(F_hat)[None]) + 128.5).floor().clamp(0, 255)
    colours = (ycbcr_to_rgb(planes) + 0.5).floor().clamp(0, 255)
    return colours[0].permute(1, 2, 0).numpy()


off = {}
for quality in (10, 50, 95):
    data = save(rgb, quality=quality)
    off[quality] = np.abs(our_decoder(data) - show(data))

# %% tags=["nbval-check-output"]
from repro.jpeg.codestream import predict_decode

data = save(rgb, quality=95)
fast = predict_decode(read(data))
print("the package's decoder agrees:", bool((our_decoder(data) == fast).mean() > 0.999))

# %% tags=["remove-cell"]
for quality, each in off.items():
    glue(f"equal_{quality}", 100 * (each == 0).mean())
    glue(f"near_{quality}", 100 * (each <= 1).mean())
    glue(f"most_{quality}", int(each.max()))

# %% [markdown]
# | quality | the same value, % | within one level, % | furthest off, in levels |
# |---|---|---|---|
# | 10 | {glue:text}`equal_10:.2f` | {glue:text}`near_10:.2f` | {glue:text}`most_10` |
# | 50 | {glue:text}`equal_50:.2f` | {glue:text}`near_50:.2f` | {glue:text}`most_50` |
# | 95 | {glue:text}`equal_95:.2f` | {glue:text}`near_95:.2f` | {glue:text}`most_95` |
#
# The small differences come from arithmetic: libjpeg computes the cosines in whole numbers, which the standard allows.
# So our decoder shows what your browser will show, within a few levels. (In training it leaves out its two roundings,
# which have no useful derivative.)

# %% [markdown]
# ## Every block, live
#
# The window below takes any photo through all the steps. An encoder in JavaScript runs in this page and writes the file
# anew as you drag the slider. It keeps chroma at full resolution, rounds each coefficient to the nearest whole number
# and makes Huffman codes for the picture. Your photo does not leave this page, because its scripts are not allowed to
# open any connection.

# %% tags=["hide-input"]
live.one_block(photo.name, rgb, "The photo of this chapter.", (row, col))

# %% [markdown]
# Click a block, or press the arrow keys to go from one to the next. You see its samples, its coefficients $F$, the steps
# $Q$, the whole numbers $\hat Z$, what a decoder shows, and its bits, symbol by symbol. Some things to try:
#
# - *A flat block.* How few symbols does it take? Where do its bits go?
# - *An edge.* Step across it, block by block, and watch the zeros at the bottom right of $\hat Z$ give way.
# - *Quality 10 against 90.* Which numbers go first, and how far do the samples move?
# - *The learned tables.* They are those of the encoder in {ref}`ch-beyond`. Drag until the file is as large as with
#   Annex K's tables, and compare the steps.

# %% [markdown]
# ## Summary
#
# - A photo becomes luma and chroma, then blocks of 8 × 8, then 64 coefficients per block. All of this can be undone.
# - Quantisation divides each coefficient by its step in $Q$ and rounds. It is the only step that
#   loses anything. Quality merely scales one fixed pair of tables.
# - The standard says how to *read* a file. It does not say which whole numbers to put in. That freedom is the
#   encoder's, and learning how to use it is what the paper is about.
# - **Ringing**: beside an edge all the cosines must cancel. Rounding spoils the balance, and the error ripples to the
#   block's borders. **Blocking**: neighbours are rounded independently and no longer match at the border.
# - The same pixels can take very different numbers of bits. Always ask how the bits were counted.
#
# The paper's account of JPEG (its section 3.1) leaves some things open. We assume 4:4:4, as in the baseline's program,
# and coefficients *divided by* the table. (The paper writes that it uses them "to divide the quantization table".)
#
# ## Exercises
#
# **1.** All 64 samples of a block are 200, and the block on its left was mid-grey. What are its coefficients? How many
# bits does it cost at quality 50?

# %% tags=["hide-cell"]
z_hat, _ = quantise_and_restore(torch.full((8, 8), 200.0), quality_tables(50)[0])
bits = block_bits(zigzag(z_hat), 0, dc_lengths, ac_lengths)
others = z_hat.flatten()[1:].abs().max()
print(f"Ẑ[0, 0] = {z_hat[0, 0]:.0f}, the others: {others:.0f}; {bits} bits")

# %% [markdown]
# ```{admonition} Solution
# :class: dropdown
# A flat block has only a mean: $F_{0,0} = 8 \cdot (200 - 128) = 576$, and the 63 others are zero. Divided by the step
# 16, it becomes 36, which needs 6 bits. The code for "6 bits" takes 4 more, and the end of block another 4. That makes
# 14 bits for 64 samples. The hidden cell above computes it.
# ```
#
# **2.** Move the edge of {numref}`fig-ringing` to the border between two blocks: `edge_at(8)`. Think first: will it
# ring?
#
# ```{admonition} Solution
# :class: dropdown
# No. Now each of the three blocks is flat, and a flat block needs only one number. Nothing has to cancel, so nothing
# rings. The largest error falls from {glue:text}`edge_off:.0f` to {glue:text}`border_off:.0f` levels, and what is left
# comes from rounding the means. JPEG is at its best when edges happen to lie on borders of blocks, but they seldom do.
# ```
#
# **3.** At quality 10 the first step of the luma table is 80. By how many levels can the mean of a block be off? How
# large a step can that make between two neighbours that should be alike?
#
# ```{admonition} Solution
# :class: dropdown
# $F_{0,0}$ is eight times the mean, and it is off by at most 40, half its step. So the mean is off by at most
# $40 / 8 = 5$ levels. If one block's mean goes up and its neighbour's down, they differ by 10 levels along a straight
# line of eight pixels. That makes a square that you can see: the *blocking* of {numref}`fig-blocking`.
# ```
#
# ## What's next
#
# One table for a whole photo treats every block alike: the sky, the roof, the grass. In {ref}`ch-attention` a network
# looks at the photo first and tells the encoder, block by block, which coefficients are worth their bits.
