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
# (ch-beyond)=
# # Beyond the paper: the idea in a better encoder
#
# The paper teaches a JPEG encoder which errors the eye does not see, and leaves the rest of the encoder as it was.
# mozjpeg and jpegli make that choice by rules that people worked out, but they do everything else well. The paper's
# *idea* is a network that looks at the photo and says what may go. What is that worth in an encoder that does everything
# else well, too?
#
# ```{admonition} What you will learn
# - how an encoder can know the price of a coefficient before it keeps it
# - what happens to an encoder that follows LPIPS, and what an error is worth to other metrics
# - how a small network can say what may go, and how it learns that
# - how such an encoder compares with the strongest in use, how long it takes, and where it loses
#
# It helps to have read {ref}`ch-jpeg`, {ref}`ch-loss` and {ref}`ch-first-experiment`.
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
descent = 16  # steps of the descent that is shown, at most
losing = ("ssimulacra2", "butteraugli")  # metrics by which to look for photos that lose
curtains = 6  # photos that are shown at equal size, at most
shown = None  # content types that are shown at equal size, at most; None: all

# %% tags=["hide-input"]
import itertools

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from bookkit import curtain, frames_slider, glue, html, live, points
from chapters import beyond as fig
from chapters import comparison, quantisation, speed, style
from chapters import content_types as of_types
from chapters import tables as table_rows
from chapters.findings import briefly, in_words
from chapters.rate_distortion import every_point
from repro import codecs, plain
from repro.data import photos
from repro.data.content_types import CONTENT_TYPES, draw
from repro.encoder import trellis_set
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.evaluation import match_size
from repro.experiments import ablations, beyond, content_types
from repro.experiments.registry import PLAIN, RIVALS
from repro.jpeg.codestream import decode
from repro.jpeg.tables import ZIGZAG, quality_tables
from repro.jpeg.writer import write
from repro.metrics import lpips_on
from repro.metrics.ssimulacra2 import Ssimulacra2
from repro.plain import block_symbols
from repro.torch_encoder.descent import Descent, DescentEncoder
from repro.trellis import costs, paths, planes, sensitivity

style.use()
kodak, check = (beyond.stored(evaluation) for evaluation in ("kodak", "check"))
photo = style.book_photo("kodim23", data_dir)
rgb, box = photo.rgb(), comparison.CROPS[photo.name]
quality = 30

# %% [markdown]
# ## From a rate term to real bits
#
# Training cannot count bits, so the paper uses a sum of the tables' inverses instead ({eq}`eq-rate`): a coarse step is
# cheap, wherever it is used. But when a file is *written*, the bits can be counted. {ref}`ch-jpeg` shows the symbols of a
# block. Given the price of each symbol in bits, the bits of a block's AC coefficients are a sum:


# %%
def bits(z, cost):
    """AC bits of z (64,), zigzag; cost: symbol → its bits and those that follow it."""
    return sum(cost[symbol] for symbol, _ in block_symbols(z, dc_before=int(z[0]))[1:])


# %% [markdown]
# Prices come from Huffman codes made for the photo at hand. Here are its luma coefficients $F$, Annex K's steps $Q$, and
# the prices that result if every coefficient is simply rounded:

# %%
dct = planes.forward_dct(rgb, "4:2:0", progressive=False)
tables = quality_tables(quality)
F, Q = dct.planes[0].F, planes.steps(tables, 0)
rounded = np.rint(F / Q).astype(np.int16)
blocks = dct.planes[0].rows, dct.planes[0].cols, 64
cost = costs.ac_bands([rounded.reshape(blocks)], progressive=False)[0][0].ac

# %% [markdown]
# How close do such sums come to a real file? Here is the sum over all blocks and planes, DC included, beside the size of
# the file that is written. The difference is the file's headers and its tables of codes:

# %%
everything = [
    np.rint(plane.F / planes.steps(tables, i)).astype(np.int16)
    for i, plane in enumerate(dct.planes)
]
counted = planes.bits(dct, everything) / 8
written = len(write(planes.assemble(dct, everything, tables), scans="sequential"))
print(f"{counted:,.0f} bytes counted, {written:,d} written")

# %% [markdown]
# ## The trellis
#
# The price of one coefficient depends on the others, because a Huffman code stands for a coefficient *and* the zeros before
# it. An encoder that knows the prices can look for the whole numbers $z$ of a block that minimise
#
# $$
# J(z) = \sum_k w_k \, (F_k - Q_k z_k)^2 + \lambda \cdot \operatorname{bits}(z) .
# $$ (eq-trellis)
#
# Here $w_k$ is what a squared error is worth at frequency $k$, and $\lambda$ is what a bit is worth. In Eq. 7, λ weights
# the distortion. Here it weights the bits, so it plays the part of that λ's inverse.


# %%
def objective(z, F, w, Q, cost, lam):
    """J of a block's AC: F, w, Q and z are (64,) in zigzag order."""
    return float((w * (F - Q * z) ** 2)[1:].sum() + lam * bits(z, cost))


# %% [markdown]
# This looks like a search through very many combinations, but it is a shortest path. What follows a kept coefficient costs
# the same, whatever came before it. So for each place it is enough to remember the cheapest way to get there. This is the
# *trellis* {cite:p}`ramchandran1994thresholding`, and the decoder needs no change for it:


# %%
def trellis(F, w, Q, cost, lam):
    """The AC numbers z (64,) of a block that minimise J."""
    # the error of places 1 to k, if all are zero
    missed = np.concatenate([[0.0], np.cumsum((w * F**2)[1:])])
    # the place kept last → the least J up to there, and what was kept
    ways = {0: (0.0, ())}
    for k in range(1, 64):
        options, values = [], range(1, int(abs(F[k]) / Q[k] + 0.5) + 1)
        for value, (last, (J, kept)) in itertools.product(values, ways.items()):
            sixteens, run = divmod(k - last - 1, 16)
            price = sixteens * cost[0xF0] + cost[16 * run + value.bit_length()]
            zeros = missed[k - 1] - missed[last]
            error = zeros + w[k] * (abs(F[k]) - Q[k] * value) ** 2
            options.append((J + error + lam * price, (*kept, (k, value))))
        if options:
            ways[k] = min(options)
    ends = []
    for last, (J, kept) in ways.items():
        end = lam * cost[0] * (last < 63)
        ends.append((J + missed[63] - missed[last] + end, kept))
    z = np.zeros(64, int)
    for k, value in min(ends)[1]:
        z[k] = np.sign(F[k]) * value
    return z


# %% [markdown]
# A check by brute force: take a block with few coefficients, and try every combination of numbers between zero and the
# rounded ones.

# %%
w, lam = np.ones(64), ablations.lam_of(tables)
count = np.count_nonzero(rounded[:, 1:], axis=1)
small = np.flatnonzero((count >= 5) & (count <= 8))
few = next(i for i in small if trellis(F[i], w, Q, cost, lam).any())
ranges = [range(min(v, 0), max(v, 0) + 1) for v in map(int, rounded[few])]
ranges[0] = [0]
every = [np.array(z) for z in itertools.product(*ranges)]
best = min(every, key=lambda z: objective(z, F[few], w, Q, cost, lam))
same = np.array_equal(best, trellis(F[few], w, Q, cost, lam))
print(f"{len(every)} combinations; the trellis finds the best: {same}")

# %% [markdown]
# The package's trellis finds the same path. It is compiled, and it tries fewer values for each coefficient. On two hundred
# blocks of the photo:

# %%
some = F[:200]
ours = np.array([trellis(block, w, Q, cost, lam) for block in some])
fast, J = np.zeros((200, 64), np.int16), np.zeros((200, 2))
# one weight for all errors
ones = np.ones((200, 1), np.float32), np.ones(64, np.float32), np.zeros(64, np.int64)
paths.choose_ac(some, *ones, Q.astype(np.float32), cost, lam, fast, 1, 63, cost[0], J)
fast[J[:, 1] >= J[:, 0] + lam * cost[0]] = 0  # last: would no AC at all be cheaper?
print("the package's fast version agrees:", np.array_equal(ours, fast))

# %% [markdown]
# Now the whole photo. The choice changes the codes, and the codes change the prices, so the package alternates between
# the two for a few rounds. It chooses DC, too, by a path from block to block. From here on, prices are those of codes
# made for what the trellis chose. Of the blocks in which rounding keeps 8 to 20 numbers and the trellis at least four, we
# show the one that saves the most bits:

# %%
for_scans = planes.forward_dct(rgb, "4:2:0")  # for a progressive file
weights = ablations.mse_weights(for_scans)
chosen = planes.trellis_quantize(for_scans, weights, tables, lam)[0]
numbers = np.stack([rounded, chosen])
cost = costs.ac_bands([chosen.reshape(blocks)], progressive=False)[0][0].ac
spent = np.array([[bits(z, cost) for z in of] for of in numbers])
errors = ((F - numbers * Q) ** 2)[..., 1:].sum(-1)

kept = np.count_nonzero(numbers[..., 1:], axis=-1)
telling = (kept[0] >= 8) & (kept[0] <= 20) & (kept[1] >= 4)
block = np.where(telling, spent[0] - spent[1], -np.inf).argmax()

# %% mystnb={"figure": {"caption": "A block, and its numbers after rounding and after the trellis. Solid frames mark numbers that became zero, and dotted frames, if there are any, numbers that only became smaller.", "name": "fig-trellis-block"}, "image": {"alt": "A block of eight by eight pixels and two grids of its numbers. Most of the ones and minus ones that rounding keeps are zero in the second grid and framed there."}} tags=["hide-input"]
fig.block_plot(F[block], numbers[:, block], spent[:, block])

# %% tags=["remove-cell"]
dropped = (numbers[0] != 0) & (numbers[1] == 0)
glue("dropped", dropped[block].sum())
glue("photo_saved", 100 * (1 - spent[1].sum() / spent[0].sum()))
glue("photo_zeroed", 100 * dropped[:, 1:].sum() / kept[0].sum())
glue("photo_error", 100 * (errors[1].sum() / errors[0].sum() - 1))

# %% [markdown]
# Here {glue:text}`dropped:d` numbers became zero. The first to go are lone ones and minus ones after long runs of zeros:
# they cost many bits and are worth little. Over the whole photo, {glue:text}`photo_zeroed:.0f` % of the AC numbers that
# rounding keeps in luma became zero. That saves {glue:text}`photo_saved:.0f` % of their bits and adds
# {glue:text}`photo_error:.0f` % to their squared error.
#
# That alone is no gain. It becomes one when the saved bits pay for finer tables. The comparison below shows what the trellis
# is worth at equal quality.

# %% [markdown]
# ## Scans: the same numbers in fewer bytes
#
# A JPEG file stores its numbers in scans, and the standard leaves their layout open. Ours begin with DC of all three
# components, so that a picture that is still loading shows its colours at once. AC follows, component by component:
#
# - **Bands.** AC of a component is split into up to three bands of frequencies, wherever that saves bits. Each band has
#   Huffman codes of its own, which fit it better.
# - **Last bits last.** At high qualities the last bit of each number is nearly random and needs no code. Where that saves
#   bits, it comes in a *refinement scan* of its own.
# - **Neighbouring blocks that end early share a symbol** in progressive scans (an *EOB run*). A block with nothing in a band
#   is nearly free, and a single number between two empty blocks costs more, because it breaks their run. So the trellis keeps two costs
#   for each block: that of its best choice, and that of keeping nothing. A second shortest path, from block to block, then
#   decides which blocks keep anything.
#
# One more layout saves bytes: **DC of luma in a scan of its own**. DC is coded as the difference from the block before.
# If chroma has half the resolution, a scan of all three components goes through luma's blocks in squares of four. Every
# second step then runs along a diagonal, to a block that is further away and less similar. In a scan of its own, luma
# goes along rows. But then a picture stays grey until chroma's scans arrive, and a few small decoders refuse the file. So
# the encoder writes such files only on request (`--scans smallest`). As this changes no pixel, any encoder could do the
# same, so it has a row of its own among the {ref}`ablations <ablations>` below.

# %% [markdown]
# ## Half of chroma, or all of it
#
# Most encoders halve the resolution of chroma in both directions (4:2:0, here *half of chroma*), or leave the choice to the
# user. But the choice can be computed. Take as the error what half the resolution cannot show: how far each pixel's
# chroma is from the mean of its square of 2 × 2. (If all edges lie between such squares, as in a picture enlarged to
# twice its size, this error is zero. But decoders interpolate, and so blur these edges, too. So the error counts for no
# less than a quarter of what would be lost with all squares moved by one pixel. No photo that we tried comes near that
# limit.) Then compare the error with what a bit is worth at this quality, $\lambda$. At low rates half is the better
# bargain for nearly every picture. At some higher quality the loss is worth more than the bits of full resolution (4:4:4,
# *all of chroma*). Small coloured letters reach that point early:

# %%
ours = trellis_set.load()


def coded(rgb, quality, subsampling):
    """A file by the trellis; sections below say where weights and tables come from."""
    lam = ours.median_lam(quality)
    dct, own = planes.forward_dct(rgb, subsampling), ours.tables_at(lam, subsampling)
    z = planes.trellis_quantize(dct, ours.network.weights(dct), own, lam)
    return write(planes.assemble(dct, z, own))


screen = draw("screenshot")
whole = coded(screen, 60, "4:4:4")
by_half = (coded(screen, q, "4:2:0") for q in range(60, 101))
half = next(data for data in by_half if len(data) >= len(whole))

# %% mystnb={"figure": {"caption": "A part of a drawn screenshot, enlarged: the original, with half of chroma, and with all of chroma in no more bytes.", "name": "fig-chroma"}, "image": {"alt": "The same blue, violet and red words on white, three times. With half of chroma their colours are pale and run into each other; with all of it they are nearly those of the original."}} tags=["hide-input"]
both = comparison.measured(screen, {"half of chroma": half, "all of chroma": whole})
comparison.closeup(both, style.Box(64, 170, 72, 90), interpolation="nearest")

# %% tags=["remove-cell"]
for name, pixels in (("screen", screen), ("face", draw("portrait"))):
    encoder = TrellisEncoder(Picture(pixels), ours)
    full = (
        q for q in range(5, 101, 5) if encoder.prepare(q).dct.subsampling == "4:4:4"
    )
    glue(f"{name}_from", next((f"quality {q}" for q in full), "no quality"))

# %% [markdown]
# The encoder decides for each picture and quality. It keeps all of chroma of this screenshot from {glue:text}`screen_from`
# on, and of a portrait from {glue:text}`face_from` on.
#
# The filter by which a decoder brings halved chroma back to full size blurs it a little more. So the encoder sharpens it
# beforehand, by as much.

# %% [markdown]
# (lpips)=
# ## What following LPIPS did
#
# The trellis needs the weights $w_k$: what is an error worth? In the paper's distortion, LPIPS has a say in that
# ({eq}`eq-distortion`), and it had one in an earlier version of our encoder. That version took its weights from LPIPS,
# MS-SSIM and MSE, and moved coefficients against the gradient of the three. By LPIPS it was far ahead of every encoder in
# use. Then we asked two metrics from which it had not learned, {term}`SSIMULACRA 2` and {term}`Butteraugli`:

# %% mystnb={"figure": {"caption": "Bits of the encoder that followed LPIPS against each metric's rival, at equal quality, on photos on which nothing was chosen. Left of the line it needs fewer. Horizontal lines are 95 % intervals.", "name": "fig-followed"}, "image": {"alt": "A row for each metric, with a mark for each range of rates, and a line at zero. By LPIPS the marks lie far left of the line; by Butteraugli they lie at the line or right of it."}} tags=["hide-input"]
followed = beyond.with_earlier(check)
fig.saved_plot(followed, beyond.EARLIER)

# %% tags=["remove-cell"]
for short, window in (("low", beyond.LOW), ("high", beyond.HIGH)):
    for metric in beyond.METRICS:
        glue(
            f"followed_{short}_{metric}",
            briefly(followed.against_rival(beyond.EARLIER, metric, window)),
        )

# %% [markdown]
# At equal LPIPS it needed {glue:text}`followed_low_lpips` at {glue:text}`range_low`, and
# {glue:text}`followed_high_lpips` at {glue:text}`range_high`. At equal Butteraugli it needed
# {glue:text}`followed_low_butteraugli` in the lower range and {glue:text}`followed_high_butteraugli` in the higher one.
# It gains in the metrics that it followed (in MS-SSIM clearly only at the lower rates), most of all in LPIPS. The other
# two do not confirm these gains: an encoder that follows LPIPS gets better by LPIPS. And what is lost? Here is a photo
# that comes with scikit-image, at the rate of an ordinary photo. Below each file is its error in luma, blurred until only
# the errors of whole areas are left:

# %% mystnb={"figure": {"caption": "A part of a photo as two encoders code it at equal size, and below each its error in luma, blurred by a Gaussian with a \u03c3 of four pixels: blue is too dark, red too light, both on the same scale.", "name": "fig-followed-areas"}, "image": {"alt": "Three pictures of a cat's face that look alike: the original, jpegli and the encoder that followed LPIPS. Below the two versions are maps of their errors: that of the encoder that followed LPIPS has larger and stronger red and blue patches than jpegli's."}} tags=["hide-input"]
cat = next(photo.rgb() for photo in photos("sample") if photo.name == "chelsea.png")
earlier = beyond.earlier_file("chelsea", 1.2)
files = {
    "jpegli": match_size("jpegli-420", cat, len(earlier))[1],
    "following LPIPS": earlier,
}
fig.areas_plot(
    cat,
    {name: decode(data) for name, data in files.items()},
    style.Box(25, 100, 200, 200),
)

# %% [markdown]
# ## What an error is worth
#
# Why is that? To see it, share out a metric's value among the coefficients. This works even if the metric is not a sum
# over them: go from the original to the decoded picture in a straight line, and take the mean gradient of the metric
# along the way. The share of a coefficient is its error times that gradient. For the mean, two points are enough, those
# of Gaussian quadrature:


# %%
def gradient(d, F):
    """The gradient of d at the coefficients F."""
    F = F.clone().requires_grad_()
    return torch.autograd.grad(d(F), F)[0]


def shares(d, F, error):
    """What the error of each coefficient adds to d(F + error)."""
    return error * sum(gradient(d, F + place * error) for place in (0.2113, 0.7887)) / 2


# %% [markdown]
# Take the errors that plain rounding makes in a part of the photo, and four metrics. Of SSIMULACRA 2 we take the sum of
# its maps, before it is turned into a score: it is zero for equal pictures, and grows as they differ.

# %%
x = torch.from_numpy(rgb[:384, :512].copy()).permute(2, 0, 1)[None].float()
of_planes = quality_tables(60)[[0, 1, 1], None, None]  # Y, Cb and Cr
steps = torch.from_numpy(of_planes.astype(np.float32))
F_x = plain.forward_dct(x)
error = (F_x / steps).round() * steps - F_x
network = lpips_on(x.device)
measures = {
    "MSE": lambda y: plain.mse(x, y),
    "LPIPS": lambda y: network(x, y),
    "MS-SSIM": lambda y: 1 - plain.ms_ssim(x, y),
    "SSIMULACRA 2": Ssimulacra2(x).raw,
}

# %% [markdown]
# A metric looks at pixels, so we turn each into a function of the coefficients that a decoder gets. Its shares should
# then add up to its value for all the errors together:


# %%
def decoded(F):
    """The picture (B, 3, H, W) that a decoder shows for F: RGB on 0–255."""
    return plain.ycbcr_to_rgb(plain.from_blocks(plain.idct(F)) + 128).clamp(0, 255)


def of_coefficients(metric):
    """The metric as a function of F."""
    return lambda F: metric(decoded(F)).sum()


share = {}
for name, metric in measures.items():
    share[name] = shares(of_coefficients(metric), F_x, error)
    total, of_all = share[name].sum(), of_coefficients(metric)(F_x + error)
    print(f"{name}: the shares add up to {total:.4f}, the whole is {of_all:.4f}")

# %% [markdown]
# A share divided by the squared error is a weight. In a block, frequencies rise from one diagonal to the next, so take
# the mean over each diagonal:

# %%
diagonal = torch.arange(8)[:, None] + torch.arange(8)


def worth(share):
    """A squared error's worth relative to luma's mean: (3, 15), planes by diagonals."""
    of_place, squares = share[0].sum((1, 2)), (error[0] ** 2).sum((1, 2))
    masks = [diagonal == k for k in range(15)]
    on = [of_place[:, mask].sum(1) / squares[:, mask].sum(1) for mask in masks]
    return torch.stack(on, 1) / (of_place[0].sum() / squares[0].sum())


# %% mystnb={"figure": {"caption": "What a squared error is worth to each metric, from low to high frequencies, relative to the metric's own mean for luma. Below zero, errors make the metric better.", "name": "fig-worth"}, "image": {"alt": "Two panels, luma and chroma, of the worth of an error against the diagonal of the block, with a line for each metric. MSE's lines are flat. LPIPS's line for luma is at zero or below at the lowest frequencies and has a peak in the middle. The lines of MS-SSIM and SSIMULACRA 2 are highest at the lowest frequencies and fall from there; SSIMULACRA 2 gives chroma little weight except at its lowest frequencies."}} tags=["hide-input"]
fig.worth_plot({name: worth(found).numpy() for name, found in share.items()})

# %% [markdown]
# To MSE all frequencies are alike. To LPIPS, errors of the lowest frequencies are worth next to nothing or less: its network
# compares textures, and does not mind whether an area is a little too dark. What it minds is errors of the middle
# frequencies. SSIMULACRA 2 and MS-SSIM mind the lowest frequencies most, and in chroma SSIMULACRA 2 minds hardly anything
# else. This fits the patches above: an encoder that follows LPIPS makes the lowest frequencies too coarse.
#
# That was by frequency; now by place. Here are SSIMULACRA 2's weights for two bands of luma, block by block:

# %% mystnb={"figure": {"caption": "What a squared error of luma is worth to SSIMULACRA 2, block by block, on a logarithmic scale: for the lowest frequencies and for the highest.", "name": "fig-worth-blocks"}, "image": {"alt": "The photo and two maps of its blocks. At the lowest frequencies errors are worth most in smooth places, at the highest where there is structure."}} tags=["hide-input"]
in_zigzag = (
    share["SSIMULACRA 2"][0, 0].flatten(2)[..., ZIGZAG],
    (error[0, 0] ** 2).flatten(2)[..., ZIGZAG],
)
bands = {"lowest frequencies": slice(1, 10), "highest frequencies": slice(28, 64)}
of_blocks = {
    name: (lambda s, e: s.sum(-1) / e.sum(-1))(*(v[..., band] for v in in_zigzag))
    for name, band in bands.items()
}
fig.blocks_plot(
    rgb[:384, :512], {name: found.numpy() for name, found in of_blocks.items()}
)

# %% [markdown]
# Errors of low frequencies count most in smooth places, where nothing hides them. Those of high frequencies count more where
# there is structure to lose. So one number for each block is not enough, and neither is one for each frequency. But a
# single block's share is noisy: other errors would have given other shares. What an encoder needs is the share to be
# expected, given the photo.

# %% [markdown]
# (network)=
# ## A network that says what may go
#
# Here the paper's idea comes back: let a network look at the photo and say what may go. The paper multiplies the
# coefficients by the network's numbers. We let the network say *what errors are worth*, and leave the choice to the
# trellis, which knows what bits cost. A squared error of coefficient $k$ in block $n$ weighs
#
# $$
# w_{nk} = p_k \, e^{\,o_{n,b(k)}}
# $$ (eq-weights)
#
# Here $p_k$ is what the frequency is worth on average, $b(k)$ is its band, and $o$ is what the network says: how much
# more or less an error is worth *here*. Luma has five bands, Cb and Cr have three each. And what does the network see?
# The mean of each block and, band by band, the energy of its coefficients:


# %%
def seen(F, edges):
    """Features of zigzag blocks (n, 64): scaled DC, and log energies of bands."""
    bands = itertools.pairwise(edges[1:])
    energies = [np.log1p((F[:, a:b] ** 2).mean(1)) / 4 for a, b in bands]
    return np.stack([F[:, 0] / 1024, *energies], axis=1)


net = ours.network
whole_photo = planes.forward_dct(rgb, "4:2:0")
luma = whole_photo.planes[0]
# features of luma and of chroma, and whether chroma has full resolution
features = sensitivity.features(whole_photo)
of_luma = features[..., :5].reshape(-1, 5)
same = np.allclose(of_luma, seen(luma.F, sensitivity.LUMA_BANDS), atol=1e-4)
print(features.shape[2], "numbers of each block")
print("the package's fast version agrees:", same)

# %% [markdown]
# The network is a few convolutions over the grid of blocks. The first sees the blocks next to each block, and each later
# one reaches further:


# %%
def convolve(x, weight, bias):
    """(rows, cols, in) → (rows, cols, out); weight: (k, k, in, out). Edges repeat."""
    (rows, cols), reach = x.shape[:2], len(weight) // 2
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    return bias + sum(
        padded[r : r + rows, c : c + cols] @ weight[r, c]
        for r, c in np.ndindex(weight.shape[:2])
    )


def said(layers, x):
    """o for every block, (rows, cols, 11): the bands of Y, Cb and Cr."""
    for weight, bias in layers[:-1]:
        x = np.maximum(convolve(x, weight, bias), 0)
    return convolve(x, *layers[-1])


of_band = np.exp(said(net.layers, features)[..., :5])
fast = net.weights(whole_photo)[0]
same = np.allclose(of_band.reshape(-1, 5), fast.of_band, rtol=1e-3)
print("the package's fast version agrees:", same)

# %% tags=["remove-cell"]
glue("net_size", sum(weight.size + bias.size for weight, bias in net.layers))
glue("net_reach", 1 + sum(len(weight) - 1 for weight, _ in net.layers))
glue("net_layers", len(net.layers))

# %% mystnb={"figure": {"caption": "What the network says about luma: how much more (red) or less (blue) an error is worth in each block, for the lowest band after DC, a middle one and the highest.", "name": "fig-network"}, "image": {"alt": "The photo and three maps of its blocks. In smooth places errors are worth more, in texture and along edges less; the contrast is strongest in the lowest band and weakest in the highest."}} tags=["hide-input"]
names = {"second band": 1, "third band": 2, "highest band": 4}
fig.blocks_plot(rgb, {name: of_band[..., band] for name, band in names.items()})

# %% [markdown]
# The network has {glue:text}`net_layers:d` layers and {glue:text}`net_size:,d` weights, sees
# {glue:text}`net_reach:d` × {glue:text}`net_reach:d` blocks, and runs without PyTorch or a GPU.
#
# How does it learn? We encode crops of training photos at many λ, and share out the distortion of the files as above.
# This distortion is mostly SSIMULACRA 2, with some MS-SSIM and MSE, scaled so that the mixture is the same at every λ.
# For each block and band that gives the squared errors $E$, weighted by $p_k$, and the shares $C$. The network should
# choose $o$ so that $e^o E$ equals $C$ on average. This loss makes it do so:
#
# $$
# \ell = \sum_{n,b} \left( E_{nb} \, e^{\,o_{nb}} - C_{nb} \, o_{nb} \right)
# $$ (eq-sensitivity)
#
# Its derivative is $e^o E - C$. So if many blocks look alike to the network, it learns the ratio of the two sums over
# them, and the noise of single shares averages out. Even shares below zero do no harm. A check with a network that always
# says the same number:

# %%
rng = np.random.default_rng(seed)
E = rng.gamma(1.0, 2.0, 5000)
C = 3 * E + rng.normal(0, 5, E.size)  # three times the errors, and much noise
grid = np.linspace(0, 2, 2001)
best_o = grid[np.argmin([(E * np.exp(o) - C * o).sum() for o in grid])]
print(f"the loss is least at e^o = {np.exp(best_o):.2f}")
print(f"the sums' ratio is {C.sum() / E.sum():.2f}")

# %% [markdown]
# ## Tables learned through the trellis
#
# With plain rounding, a table has two jobs: it sets how fine the numbers are, and it decides which of them are zero. A
# trellis takes over the second job. So we learned the tables again, with the trellis in the loop. That needs the derivative
# of the least $J$ with respect to a step $Q_k$. It is simple. If $Q_k$ changes by very little, the best $z$ stays the same,
# so only the derivative of the error at this $z$ is left (the *envelope theorem*). No stand-in for rounding is needed.
# Here is that derivative for the two hundred blocks from above:


# %%
def slope(F, z, w, Q, k):
    """dJ/dQ at frequency k, summed over the blocks (n, 64) of a plane."""
    return float((2 * w * (Q * z - F) * z).sum(0)[k])


def least_J(Q):
    """The sum of the least J of the two hundred blocks, at these steps."""
    return sum(
        objective(trellis(block, w, Q, cost, lam), block, w, Q, cost, lam)
        for block in some
    )


z = np.array([trellis(block, w, Q, cost, lam) for block in some])
change = np.zeros(64)
change[1] = 0.01  # of the step of the first AC frequency
measured = (least_J(Q + change) - least_J(Q - change)) / 0.02
print(f"slope: {slope(some, z, w, Q, 1):,.1f}")
print(f"measured, a hundredth of a unit up and down: {measured:,.1f}")

# %% [markdown]
# Adam follows this slope on training photos. It works on the logarithms of the tables, and uses the network's weights.
# Each λ gets tables for Y, Cb and Cr, one set for half of chroma and one for all of it. The steps of luma's four lowest
# frequencies are then made finer by a fixed share, because their errors add up over blocks. Between the λ for which
# tables were learned, the encoder interpolates. It also adapts the tables a little to each photo, by the numbers of the
# first round.
#
# *What does a quality mean?* At the same λ one photo looks better than another. So a quality stands for the λ at which the
# median photo scores as much in SSIMULACRA 2 as libjpeg's file of that quality. If the weights predict more loss for a
# photo than for the median photo, its λ is lowered by a power of the ratio of the two. The power was found on training
# photos. Here are the tables of one quality:

# %% mystnb={"figure": {"caption": "Annex K's tables, and the tables for luma and Cb that were learned through the trellis, both at the same quality, each on its own scale.", "name": "fig-trellis-tables"}, "image": {"alt": "Four grids of eight by eight steps. Annex K's grow steeply towards high frequencies. The learned luma table is nearly flat, the learned chroma table grows gently and begins much finer."}} tags=["hide-input"]
learned = ours.tables_at(ours.median_lam(quality), "4:2:0")
quantisation.grids({"Annex K": tables, "learned": learned[:2]})

# %% tags=["remove-cell"]
for name, of in (("annexk", tables), ("learned", learned)):
    Q = planes.steps(of, 0).astype(float)
    glue(f"steepness_{name}", Q[-16:].mean() / Q[1:10].mean())

# %% [markdown]
# In Annex K's luma table the steps of the highest frequencies are on average {glue:text}`steepness_annexk:.1f` times as
# large as those of the lowest, in the learned one {glue:text}`steepness_learned:.1f` times. The steep rise of the
# standard's table mostly decides what becomes zero. An encoder that has a better way to decide this can do without the
# steep rise.

# %% [markdown]
# ## The descent
#
# The network sees a photo once, and says what to expect. With more time the encoder can look again. It decodes its own
# choice and takes the gradient of the loss itself, a blend of SSIMULACRA 2, MS-SSIM and MSE. What the errors in a band of
# a block cost by this gradient, divided by their squares, is the weight that they should have. So the weights move
# towards it before the trellis chooses again. The *target* of each coefficient, which the trellis tries to hit in place
# of $F$, moves a little, too. In the function below, `gradient` is only the surprise: the gradient of the loss less
# $2\,w\,(Q z - F)$, which the weights already account for. One such update, for a plane of blocks:


# %%
def moved(F, gradient, w, Q, damping=2.0, max_shift=0.15):
    """Targets (n, 64) for the next choice: a Newton step, at most max_shift of Q."""
    return F - np.clip(gradient / (2 * damping * w), -max_shift * Q, max_shift * Q)


# %% [markdown]
# The package also averages weights and targets with the previous ones, and moves DC less than AC. Moved targets please
# the metrics of the loss, but may lower the quality by others. So we asked {term}`DISTS`, which is not in the loss: on
# tuning photos, it rates files with targets moved this far better than files with new weights alone. The
# {term}`efforts <effort>` `fast` and `default` make no such update: `default` only chooses a second time, with codes and
# tables made for the first choice. `best` makes eight updates. Here is what more of them would give:

# %%
encoder = DescentEncoder(Picture(box.of(rgb)), ours, Descent(steps=descent))
found = encoder.descend(quality).objective
# the lowest so far after each step, relative to the trellis alone
least = np.minimum.accumulate(found) / found[0]

# %% mystnb={"figure": {"caption": "Distortion plus \u03bb times bits, for a part of the photo, against the number of steps that the descent may take. The line at the top is the trellis alone.", "name": "fig-descent"}, "image": {"alt": "A curve against the number of steps. It falls steeply at the first step, and ever more slowly after that."}} tags=["hide-input"]
fig.descent_plot(least)

# %% tags=["remove-cell"]
gained = 100 * (1 - least)
glue("descent_gain", gained[-1])
glue("descent_half", np.argmax(gained >= gained[-1] / 2))
glue("descent_steps", len(gained) - 1)

# %% [markdown]
# In {glue:text}`descent_steps:d` steps the objective falls by {glue:text}`descent_gain:.1f` %. Half of that is reached by
# step {glue:text}`descent_half:d`.

# %% [markdown]
# (comparison)=
# ## The comparison
#
# *Which metric may be learned from?* An encoder that learns from a metric is good at that metric. So some metrics must be
# kept out of the learning:
#
# | metric | here |
# |---|---|
# | SSIMULACRA 2, MSE, MS-SSIM | the encoder may learn from them, and we chose by them on tuning photos |
# | LPIPS | the paper's metric; nothing in this encoder follows it, and it is reported |
# | DISTS | it was asked on tuning photos how far `best` may move targets |
# | Butteraugli | **held out**: nothing was trained, tuned or chosen by it. Where it disagrees, believe Butteraugli |
#
# *Which rates?* Photos are usually saved at quality 75 or more, where libjpeg spends about one or two bits per pixel. Thumbnails
# and pages for slow connections get less. So there are two ranges: {glue:text}`range_high` and {glue:text}`range_low`, by the
# bits of the whole file.
#
# *Against whom?* mozjpeg and jpegli have options, and some of these save a lot. So there are nine rivals: mozjpeg as it
# comes, with all of chroma, and tuned for PSNR, for PSNR-HVS and, with two tables, for MS-SSIM; jpegli with all and with
# half of chroma, and without its adaptive quantisation. Their files are as large, to the byte, as those of their own
# programs. At equal SSIMULACRA 2 and at equal Butteraugli the **strongest of all nine** counts: the one against which we
# save least. At equal MSE, MS-SSIM and LPIPS, it is the stronger of mozjpeg and jpegli 4:2:0 as they come.
#
# Before any file was made, we wrote down what each effort should reach. Here is what came out, on Kodak:

# %% mystnb={"figure": {"caption": "Bits of each effort against the metric's rival, at equal quality, on Kodak. Left of the line it needs fewer. Marks are means over photos with 95 % intervals; short bars are the targets.", "name": "fig-targets"}, "image": {"alt": "Two panels, one for each range of rates. A row for each metric, with a mark for each effort, left or right of a line at zero; the tables below have the numbers."}} tags=["hide-input"]
found = {"kodak": beyond.targets(kodak), "check": beyond.targets(check)}
fig.targets_plot(found["kodak"])

# %% mystnb={"figure": {"caption": "The same on photos on which nothing was chosen.", "name": "fig-targets-check"}, "image": {"alt": "Two panels, one for each range of rates, with a row for each metric and a mark for each effort, as in the figure before, but for other photos."}} tags=["hide-input"]
fig.targets_plot(found["check"])

# %% tags=["remove-cell"]
words = {"kodak": "Kodak", "check": "photos on which nothing was chosen"}
glue("range_low", fig.in_bpp(beyond.LOW))
glue("range_high", fig.in_bpp(beyond.HIGH))
for name, encoders in (("kodak", kodak), ("check", check)):
    html.glue_html(
        f"targets_{name}",
        html.table(*fig.target_rows(found[name]), caption=f"Targets, {words[name]}"),
    )
    glue(f"{name}_measured", len(encoders.curves["default"].images))
    for short, window in (("low", beyond.LOW), ("high", beyond.HIGH)):
        for effort, metric in itertools.product(beyond.EFFORTS, beyond.METRICS):
            key = f"{name}_{effort}_{short}_{metric}"
            saved = encoders.against_rival(effort, metric, window)
            glue(key, in_words(saved))
            glue(f"brief_{key}", briefly(saved))
            rival = encoders.rival(effort, metric, window)
            lost = encoders.losses(effort, rival, metric, window)
            count = sum(percent > 0 for _, percent in lost) or "none"
            glue(f"{key}_lost", f"{count} of the {len(lost)}")
every_target = list(itertools.chain(*found.values()))
asked = [target for target in every_target if target.at_most is not None]
glue("asked", len(asked))
glue("asked_each", len(asked) // len(found))
for short, window in (("low", beyond.LOW), ("high", beyond.HIGH)):
    for metric in ("mse", "lpips", "ms_ssim"):
        peer = kodak.strongest("default", RIVALS, metric, window)
        glue(
            f"tuned_{short}_{metric}",
            briefly(kodak.saving("default", peer, metric, window)),
        )
glue("reached", sum(target.verdict == "reached" for target in asked))
butteraugli = [t.verdict for t in every_target if t.metric == "butteraugli"]
seen_by_it = any(verdict != "not measured" for verdict in butteraugli)
program = "libjxl's program" if seen_by_it else "nobody: the program is missing"
glue("butteraugli_by", program)

# %% [markdown]
# There were {glue:text}`asked_each:d` targets for each of two sets of photos, {glue:text}`kodak_measured:d` of Kodak and
# {glue:text}`check_measured:d` of CID22 (Butteraugli was measured by {glue:text}`butteraugli_by`). Judged by the means,
# {glue:text}`reached:d` of {glue:text}`asked:d` were reached.
#
# At equal MSE, LPIPS and MS-SSIM we had asked for less: there the rivals are only mozjpeg and jpegli as they come. A
# rival that is tuned for one metric can be stronger in it. Against the strongest of all nine, `default` needs on Kodak
#
# | at equal | {glue:text}`range_low` | {glue:text}`range_high` |
# |---|---|---|
# | MSE | {glue:text}`tuned_low_mse` | {glue:text}`tuned_high_mse` |
# | LPIPS | {glue:text}`tuned_low_lpips` | {glue:text}`tuned_high_lpips` |
# | MS-SSIM | {glue:text}`tuned_low_ms_ssim` | {glue:text}`tuned_high_ms_ssim` |

# %% tags=["remove-input"]
table_rows.folded("Target by target, Kodak", *fig.target_rows(found["kodak"]))

# %% tags=["remove-input"]
table_rows.folded(
    "Target by target, photos on which nothing was chosen",
    *fig.target_rows(found["check"]),
)

# %% [markdown]
# Which rival is the strongest depends on the metric, the range and the photos. On some photos, an encoder's files do not
# span the whole range. Then only what both curves share is compared. The percentages say how much of the range that is:

# %% tags=["remove-input"]
table_rows.folded(
    "The rival in each comparison, and the share of the range, Kodak",
    *fig.rival_rows(found["kodak"]),
)

# %% tags=["remove-input"]
table_rows.folded(
    "The same, photos on which nothing was chosen", *fig.rival_rows(found["check"])
)

# %% mystnb={"figure": {"caption": "The curves behind the comparison: means over Kodak's photos, with both ranges shaded. Rates and errors are on logarithmic scales.", "name": "fig-beyond-curves"}, "image": {"alt": "Six plots of the five metrics and of the squared error of blurred luma against bits per pixel, a line for each encoder."}} tags=["hide-input"]
lines = (PLAIN, "mozjpeg", "jpegli-420", "jpegli-420-noaq", *beyond.EFFORTS)
fig.curves_plot(kodak, lines)

# %% [markdown]
# {numref}`fig-beyond-points` shows the files behind those means, one by one. Choose a photo, or point at a mark. Look for
# photos on which the encoders rank differently from the mean, and see what Butteraugli says of them.

# %% mystnb={"figure": {"caption": "Every file of Kodak's photos; the scales of errors are logarithmic. Point at a mark or tap it, or focus the plot and use the arrow keys (page up and page down for another photo).", "name": "fig-beyond-points"}} tags=["hide-input"]
shown_curves = {name: kodak.curves[name] for name in lines}
every = every_point(shown_curves, beyond.METRICS, (0.2, 3.0), fig.ENCODER_LOOKS)
points(every, caption="Means over Kodak's photos, by quality")

# %% [markdown]
# (ablations)=
# ### One thing at a time
#
# What is each part worth? Here are encoders that differ from `default` in one thing (in several, if they have Annex K's
# or the paper's tables). They were measured on photos on which nothing was chosen. Those with another network or other
# weights were learned in the same way, with tables of their own. Between the points of a curve we interpolate. So
# `default` was measured at the qualities of the others too, wherever they share its scale of quality. The error of
# interpolating is then nearly the same on both sides:

# %% mystnb={"figure": {"caption": "Bits against default at equal quality, for encoders that lack or change one of its parts. Right of the line they need more.", "name": "fig-ablations"}, "image": {"alt": "Two panels, one for each range of rates. A row for each ablation with a mark for each of three metrics, left or right of a line at zero; the tables below have the numbers."}} tags=["hide-input"]
labels = {
    "annexk-420": "Annex K, rounding",
    "annexk-trellis": "Annex K, trellis for MSE",
    **ablations.SETS,
    "default-soft": "chroma not sharpened",
    "fast": "one round (fast)",
    "best": "many rounds (best)",
    "default-scans": "smallest scans",
    "tables-444": "the paper's tables, 4:4:4",
}
labels = {name: label for name, label in labels.items() if name in check.curves}
fig.ablation_plot(check, labels)

# %% tags=["remove-input"]
table_rows.folded(
    "The same in numbers, and in more metrics, at low rates",
    *fig.saving_rows(check, labels, beyond.LOW),
)

# %% tags=["remove-input"]
table_rows.folded(
    "The same in numbers, and in more metrics, at ordinary rates",
    *fig.saving_rows(check, labels, beyond.HIGH),
)

# %% tags=["remove-cell"]
shipped = check.default_for("constant")  # measured at the same qualities
for short, window in (("low", beyond.LOW), ("high", beyond.HIGH)):
    network, looked, own = (
        -check.saving(name, "constant", "ssimulacra2", window).mean
        for name in (shipped, "best", "own-block")
    )
    for name, saved in (("network", network), ("best", looked), ("own_block", own)):
        glue(f"{name}_{short}", f"{saved:.1f} %")
    glue(f"share_{short}", f"{100 * network / looked:.0f} %")
    held_out = check.saving(shipped, "constant", "butteraugli", window)
    glue(f"network_{short}_butteraugli", briefly(held_out))
    for metric in beyond.METRICS:
        glue(
            f"alone_{short}_{metric}",
            briefly(check.saving("own-block", shipped, metric, window)),
        )
without = {
    (effort, metric, window): check.saving(
        effort, check.rival("default", metric, window), metric, window
    ).mean
    for effort, metric, window in itertools.product(
        ("default", shipped), beyond.METRICS, beyond.RANGES
    )
}
apart = [
    abs(without["default", m, w] - without[shipped, m, w])
    for m in beyond.METRICS
    for w in beyond.RANGES
]
glue("interpolated", max(apart))

# %% [markdown]
# Does attention earn its keep? Bits saved at equal SSIMULACRA 2, against one weight for each band:
#
# | | {glue:text}`range_low` | {glue:text}`range_high` |
# |---|---|---|
# | the network, seeing one block | {glue:text}`own_block_low` | {glue:text}`own_block_high` |
# | the network, as it ships | {glue:text}`network_low` | {glue:text}`network_high` |
# | `best`, which looks at what it made | {glue:text}`best_low` | {glue:text}`best_high` |
# | share of `best` that one pass gets | {glue:text}`share_low` | {glue:text}`share_high` |
#
# By the metric that it learned from, it does. By Butteraugli, held out, the network as it ships needs, in the same
# comparison, {glue:text}`network_low_butteraugli` at {glue:text}`range_low` and {glue:text}`network_high_butteraugli` at
# {glue:text}`range_high`. What do the neighbours of a block add? At {glue:text}`range_high`, a network that sees one
# block alone needs {glue:text}`alone_high_ssimulacra2` at equal SSIMULACRA 2, {glue:text}`alone_high_butteraugli` at
# equal Butteraugli, {glue:text}`alone_high_mse` at equal MSE and {glue:text}`alone_high_lpips` at equal LPIPS, compared
# with the one that ships. In the metrics where it needs about as many bits, the block alone tells enough. None of the
# networks that we trained predicts what `best` still adds. For that, the encoder has to look at the decoded picture.

# %% tags=["remove-cell"]
missed = [t for t in asked if t.verdict == "not reached"]
short = {metric: sum(t.metric == metric for t in missed) for metric in beyond.METRICS}
glue("missed", len(missed))
glue("missed_butteraugli", short["butteraugli"])
ahead = dict.fromkeys(
    style.LOOKS[t.rival].label for t in missed if t.metric == "butteraugli"
)
glue("missed_rivals", fig.listed(list(ahead)))

# %% [markdown]
# ### What was not reached
#
# {glue:text}`missed:d` targets were not reached, {glue:text}`missed_butteraugli:d` of them at equal Butteraugli, the
# held-out metric. The rivals there: {glue:text}`missed_rivals`. jpegli comes from the authors of Butteraugli, just as our
# network comes from SSIMULACRA 2. So no metric should decide alone. This is what we tried, on tuning photos and without
# Butteraugli:
#
# - *Other blends.* The rows "learned from" above show how the metrics pull: MS-SSIM against SSIMULACRA 2, and each against MSE.
# - *Less weight for what SSIMULACRA 2 says of chroma.* The encoder has this: in the blend, SSIMULACRA 2 counts less in
#   chroma than in luma.
# - *Finer lowest steps of luma*. By SSIMULACRA 2 they are worth their bits, and the encoder has them.
# - *All of chroma from a lower quality on.* By the metrics that we learn from, half of chroma is the better bargain there.
# - *More steps of the descent* (`best`). By the metrics that it follows they help, as long as targets move no further
#   than the limit. Beyond that, DISTS disagreed.
#
# One reason may be the form of what the network says. A weight says what errors of a kind cost on average. Butteraugli's
# score depends most on the worst places: what its program calls the 3-norm is the mean of the 3-, the 6- and the 12-norm
# of a map of visible errors. No metric that we may learn from tells which places those are.

# %% [markdown]
# ### Errors of whole areas
#
# A mean of squares does not tell fine errors from coarse ones, but an eye at some distance does: it sees whether an *area*
# is off. So blur luma's error with a Gaussian of σ = 4 pixels before squaring it:


# %%
def blurred_error(original, shown, sigma=4):
    """Mean square of the luma error, planes (H, W) on 0–255, after a Gaussian blur."""
    return float((gaussian_filter(shown - original, sigma, mode="reflect") ** 2).mean())


luma = rgb @ (0.299, 0.587, 0.114)
coarse = decode(codecs.get("mozjpeg").encode(rgb, 30)) @ (0.299, 0.587, 0.114)
print(f"{((coarse - luma) ** 2).mean():.1f} as it is")
print(f"{blurred_error(luma, coarse):.3f} after the blur")

# %% tags=["hide-input"]
html.table(
    *fig.blurred_rows(kodak, ("jpegli-420", "mozjpeg-hvs-420", *beyond.EFFORTS)),
    caption="Squared error of blurred luma on Kodak; it should not exceed mozjpeg's",
)

# %% tags=["remove-input"]
table_rows.folded(
    "The same on photos on which nothing was chosen",
    *fig.blurred_rows(check, ("jpegli-420", "mozjpeg-hvs-420", *beyond.EFFORTS)),
)

# %% [markdown]
# ## Time
#
# jpegli is the fastest. `fast` and `default` take about as long as mozjpeg, and save more bits at equal SSIMULACRA 2.
# `best` takes much longer than all others ({numref}`fig-time`):

# %% mystnb={"figure": {"caption": "Every effort and every rival: bits compared with plain JPEG, and seconds per megapixel on a logarithmic axis, with 95 % intervals over photos for the bits and quartiles for the time. Further down is smaller, further right is slower. Beside each mark is its effort or option.", "name": "fig-time"}, "image": {"alt": "Four panels, for two ranges of rates and two metrics, of bits against time, with a mark for each encoder and its option beside it. jpegli's marks lie far left, those of mozjpeg, fast and default near each other, and best far right."}} tags=["hide-input"]
timed = beyond.benched(fig.ENCODER_LOOKS)
speed.savings_against_time(kodak, timed)

# %% tags=["remove-input"]
table_rows.folded(
    "Time on two threads, at about one bit per pixel", *speed.time_rows(timed)
)

# %% [markdown]
# `make bench` takes these times: all encoders in turn, with one photo on each of two threads (`best` works on one photo
# with both). {ref}`ch-speed` says how long one photo takes from a cold start, and how much memory it needs.

# %% [markdown]
# ## Look for yourself
#
# Here are photos at equal size: our file, and the others' with no fewer bytes. The curtain compares any two of them, and
# enlarging does not smooth the pixels. Bits and metrics are those of the whole photo. The page contains the encoders' files
# themselves, and your browser decodes them. {ref}`ch-eyes` shows such pairs without their names, asks which is better, and
# counts your answers. First at half a bit per pixel:

# %% mystnb={"figure": {"caption": "The same part of a photo by two encoders at equal size, half a bit per pixel. Drag the handle, or use the arrow keys; once enlarged, the picture can be dragged, too.", "name": "fig-flip"}} tags=["hide-input"]
pictures, crops = comparison.by_photo(
    style.kodak_or_sample(data_dir), bpp=0.5, count=curtains
)
curtain(pictures, crops, start=("jpegli 4:2:0", "ours"))

# %% [markdown]
# And at the rate of an ordinary photo on the web. Differences are hard to see here, as they should be at such a rate:

# %% mystnb={"figure": {"caption": "The same at the rate of an ordinary photo, in the middle of the higher range.", "name": "fig-flip-high"}} tags=["hide-input"]
pictures, crops = comparison.by_photo(
    style.kodak_or_sample(data_dir), bpp=1.2, count=max(1, curtains // 2)
)
curtain(pictures, crops, start=("jpegli 4:2:0", "ours"))

# %% [markdown]
# Now at a rate of your own. The right side below is coded in this page, by the same encoder in JavaScript, at the rate to
# which you drag the slider. The others' files were made beforehand, at a dozen sizes, and you see the nearest. (Sizes are
# those of the part that is shown, which is coded by itself.)

# %% tags=["hide-input"]
top, left = comparison.SHOWN[photo.name]
part = np.ascontiguousarray(rgb[top : top + 224, left : left + 320])
sizes = [int(bpp * part[..., 0].size / 8) for bpp in np.geomspace(0.25, 2, 12)]
peers = {
    style.LOOKS[codec].label: [match_size(codec, part, size)[1] for size in sizes]
    for codec in reversed(beyond.AS_THEY_COME)
}
live.coded_curtain(photo.name, part, f"A part of {photo.name}", peers)

# %% [markdown]
# Start at the lowest rate and drag slowly upwards. Where do squares and ripples disappear first, and from which rate on
# can you no longer tell the sides from the original?

# %% [markdown]
# ## Where it loses
#
# Means hide losses. These are the photos on which our default does worst against the rival that is strongest on average,
# by SSIMULACRA 2 and by Butteraugli, in either range. Each picture shows the place where our error exceeds jpegli's most:

# %% mystnb={"figure": {"caption": "Original, jpegli and ours at equal size, on the photos on which ours does worst.", "name": "fig-losses"}} tags=["hide-input"]
losers, more = {}, ("ssimulacra2", "butteraugli")
for encoders, chosen in (
    (kodak, style.kodak_or_sample(data_dir)),
    (check, photos("check", data_dir)),
):
    pixels = {photo.name: photo.rgb for photo in chosen}
    for window, bpp in ((beyond.LOW, 0.5), (beyond.HIGH, 1.2)):
        for name, said in fig.worst(encoders, chosen, losing, window).items():
            versions = comparison.versions(
                pixels[name](), bpp, ("jpegli-420",), ("trellis",), more=more
            )
            losers[f"{name.partition('.')[0]}, {bpp:g} bpp"] = said, versions
frames, labels, alts = comparison.gallery(losers, side=200)
frames_slider(frames, labels, alts, description="Photo", captions=alts)

# %% [markdown]
# On how many photos does our default need more bits than the one rival that is strongest on average?
#
# | at equal | Kodak, {glue:text}`range_low` | Kodak, {glue:text}`range_high` | other photos, {glue:text}`range_low` | other photos, {glue:text}`range_high` |
# |---|---|---|---|---|
# | SSIMULACRA 2 | {glue:text}`kodak_default_low_ssimulacra2_lost` | {glue:text}`kodak_default_high_ssimulacra2_lost` | {glue:text}`check_default_low_ssimulacra2_lost` | {glue:text}`check_default_high_ssimulacra2_lost` |
# | Butteraugli | {glue:text}`kodak_default_low_butteraugli_lost` | {glue:text}`kodak_default_high_butteraugli_lost` | {glue:text}`check_default_low_butteraugli_lost` | {glue:text}`check_default_high_butteraugli_lost` |
# | MS-SSIM | {glue:text}`kodak_default_low_ms_ssim_lost` | {glue:text}`kodak_default_high_ms_ssim_lost` | {glue:text}`check_default_low_ms_ssim_lost` | {glue:text}`check_default_high_ms_ssim_lost` |
# | MSE | {glue:text}`kodak_default_low_mse_lost` | {glue:text}`kodak_default_high_mse_lost` | {glue:text}`check_default_low_mse_lost` | {glue:text}`check_default_high_mse_lost` |
# | LPIPS | {glue:text}`kodak_default_low_lpips_lost` | {glue:text}`kodak_default_high_lpips_lost` | {glue:text}`check_default_low_lpips_lost` | {glue:text}`check_default_high_lpips_lost` |
#
# And other content? The tables and the network were learned from photographs alone. So here is one picture for each
# of several content types. They were chosen before any was encoded. Anyone can make them again: they come with installed
# packages, or a script draws them. Every effort is compared with mozjpeg over all qualities that both reach:

# %% mystnb={"figure": {"caption": "Bits of each effort against mozjpeg, by content type. Right of the line mozjpeg is better. Near the line the scale is linear, further out logarithmic.", "name": "fig-content-types"}, "image": {"alt": "Five panels, one for each metric. A row for each content type with a marker for each effort, left or right of a line at zero; the table below has the numbers of the default effort."}} tags=["hide-input"]
by_type = content_types.stored()
of_types.content_type_plot(by_type)

# %% tags=["remove-cell"]
glue("content_types_measured", len(by_type.names))
glue("content_types_even", f"{content_types.EVEN:g} %")
glue(
    "content_types_shared",
    "half" if content_types.SHARED == 0.5 else f"{100 * content_types.SHARED:g} %",
)
glue("content_types_without", of_types.not_compared(by_type))
named = {name: CONTENT_TYPES[name].label for name in by_type.names}
peers = {"mozjpeg": content_types.MOZJPEG, "better": content_types.BETTER_PEER}
for effort, (short, against) in itertools.product(beyond.EFFORTS, peers.items()):
    lost, even, every = by_type.tally(effort, against)
    more = f" ({even} more {'is' if even == 1 else 'are'} even)" if even else ""
    glue(f"content_types_{effort}_{short}", f"{lost} of {every}{more}")
for short, against in peers.items():
    everywhere = [named[name] for name in by_type.lost_everywhere("default", against)]
    glue(f"content_types_default_{short}_everywhere", fig.listed(everywhere))
for metric in beyond.METRICS:
    worse = [
        f"{named[name]} ({p:+.0f} %)"
        for name, p in by_type.lost("default", metric).items()
    ]
    glue(f"content_types_default_mozjpeg_{metric}", ", ".join(worse) or "nothing")

# %% [markdown]
# We measured {glue:text}`content_types_measured:d` pictures. **mozjpeg is better** than our `default` on these:
#
# | at equal | mozjpeg needs fewer bits than our default on |
# |---|---|
# | LPIPS | {glue:text}`content_types_default_mozjpeg_lpips` |
# | MS-SSIM | {glue:text}`content_types_default_mozjpeg_ms_ssim` |
# | MSE | {glue:text}`content_types_default_mozjpeg_mse` |
# | SSIMULACRA 2 | {glue:text}`content_types_default_mozjpeg_ssimulacra2` |
# | Butteraugli | {glue:text}`content_types_default_mozjpeg_butteraugli` |
#
# Now count the losses. Each picture in each metric is one comparison, and a difference below
# {glue:text}`content_types_even` counts for neither side.
#
# | effort | loses to mozjpeg | loses to the better of mozjpeg and jpegli |
# |---|---|---|
# | `fast` | {glue:text}`content_types_fast_mozjpeg` | {glue:text}`content_types_fast_better` |
# | `default` | {glue:text}`content_types_default_mozjpeg` | {glue:text}`content_types_default_better` |
# | `best` | {glue:text}`content_types_best_mozjpeg` | {glue:text}`content_types_best_better` |
# | `default`, pictures on which it loses in every metric | {glue:text}`content_types_default_mozjpeg_everywhere` | {glue:text}`content_types_default_better_everywhere` |

# %% tags=["remove-input"]
table_rows.folded(
    "Bits of our default against mozjpeg / against the better of mozjpeg and jpegli",
    *of_types.content_type_rows(by_type),
)

# %% [markdown]
# The bits per pixel in this table are those of mozjpeg's files. A number is given only if the two curves share at least
# {glue:text}`content_types_shared` of the qualities. Without a number: {glue:text}`content_types_without`. One picture is
# an example, not a mean, so there are no intervals, and another page of text may give another result. All encoders were
# given grey pictures as three equal channels.
#
# Here are all of them at equal size. Each part shown is the one where our error exceeds mozjpeg's most:

# %% mystnb={"figure": {"caption": "Original, mozjpeg and ours at equal size, a part of a picture of each content type, enlarged.", "name": "fig-content-types-shown"}} tags=["hide-input"]
drawn = {}
for name in by_type.names[:shown]:
    said = (
        f"{named[name]}. Bits of ours against mozjpeg: {of_types.needed(by_type, name)}"
    )
    versions = comparison.versions(
        draw(name), None, (content_types.MOZJPEG,), ("trellis",), quality=25
    )
    drawn[named[name]] = said, versions
frames, labels, alts = comparison.gallery(drawn, side=128, interpolation="nearest")
frames_slider(frames, labels, alts, description="Content type", captions=alts)

# %% [markdown]
# Whichever encoder measures better, small coloured letters lose their colour where chroma is halved. At this size that is so
# in mozjpeg's files and in ours ({numref}`fig-chroma`). Screenshots, drawings and pages of text belong in PNG files.

# %% [markdown]
# ## Limits
#
# - No person has judged the pictures, unless you do ({ref}`ch-eyes`). SSIMULACRA 2 and Butteraugli were fitted to what people
#   saw, but they are not people.
# - The photos are small by today's standards.
# - The two rival programs have more options than the nine set-ups that we tried, and each is a program of its own time.
# - The encoder learned mostly from SSIMULACRA 2, and Butteraugli does not confirm all of its gains. One metric cannot
#   stand in for the eye.
# - Between the measured qualities curves are interpolated. `best` is slow, and was measured at half as many qualities as the
#   other efforts. If `default` had as few, its savings against the rivals would change by up to
#   {glue:text}`interpolated:.1f` percentage points.

# %% tags=["remove-input"]
table_rows.folded(
    "Where the stored results of the comparison come from",
    [],
    table_rows.sweeps_origin([*kodak.results, *check.results]).items(),
)

# %% tags=["remove-input"]
table_rows.folded(
    "Where the stored results of the content types come from",
    [],
    table_rows.sweeps_origin(by_type.encoders.results, "content-types").items(),
)

# %% [markdown]
# ## Summary
#
# - Where bits can be counted, count them: the trellis knows what each number costs.
# - An encoder that follows one metric is good by that metric. Ask one that it did not follow.
# - What an error is worth can be measured, by place and by frequency. A small network can then predict it for any photo. This
#   is attention that gives weights to a trellis and makes no coefficient smaller by itself.
# - Measure a gain against the strongest encoder in use, tuned versions included, by a held-out metric, at the rates that
#   people use, on photos on which nothing was chosen.
#
# ## Exercises
#
# **1.** A block has a single AC number, a one at the last place of the zigzag. Why does it cost so much, and when should
# the trellis keep it?
#
# ```{admonition} Solution
# :class: dropdown
# There are 62 zeros before it: three codes for sixteen zeros each, then one code for the other zeros and the number's size,
# then a bit for its sign. Without it, one short code ends the block. Keep it if the weighted error that dropping it adds,
# about $w Q^2$, exceeds $\lambda$ times the difference in bits.
# ```
#
# **2.** With $\lambda = 0$ in {eq}`eq-trellis`, what does the trellis return? And with very large $\lambda$?
#
# ```{admonition} Solution
# :class: dropdown
# The nearest whole numbers: plain rounding. With very large $\lambda$ all AC numbers become zero. (DC stays near each
# block's own value, however large $\lambda$ is: the package chooses among the five whole numbers nearest to it.)
# ```
#
# **3.** Why can the descent not simply follow the gradient of a metric, coefficient by coefficient?
#
# ```{admonition} Solution
# :class: dropdown
# A coefficient moves in whole steps of its table. Where a coefficient is zero, the gradient still has a direction, and a
# whole step adds a cosine that was never in the picture. A target moves by only a part of a step, and the trellis counts the
# bits. So such coefficients stay zero.
# ```
#
# ## What's next
#
# {ref}`ch-eyes` lets you judge the pictures yourself, without knowing whose they are. {ref}`ch-your-photo` runs this encoder
# on a photo of your own.
