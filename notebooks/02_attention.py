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
# (ch-attention)=
# # Attention: which coefficients are worth their bits
#
# JPEG rounds every block with the same table. A plain sky and a busy meadow get the same steps, although errors are
# easy to see in the sky and hard to see in the meadow. The decoder cannot treat them differently: the file has one
# table for all of luma. But the encoder is free to do something before it rounds. It may make some coefficients
# *smaller*, so that they cost fewer bits, or none at all. In the baseline {cite:p}`struempler2020learning`, on which
# the paper builds, a network decides which ones, and by how much.
#
# ```{admonition} What you will learn
# - what an attention map is, and what it can and cannot do to a picture
# - how VGG, ResNet and LSTM turn a photo into such a map, and how far each of them sees
# - which weights this book uses, and how a photo must be scaled for them
# - what the paper leaves open here, and how we read it
#
# It helps to know what a convolution is, and to have read {ref}`ch-jpeg`.
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
import numpy as np
import torch

from bookkit import frames_slider, glue
from chapters import attention, diagrams, style
from repro import weights

rgb = style.book_photo("kodim23", data_dir).rgb()

# %% [markdown]
# ## The idea: edit before you round
#
# For every block $(n, m)$, the network gives 64 numbers for luma and 64 for chroma, all between 0 and 1:
#
# $$
# A^{(L)} \in \{x \in \mathbb{R} \mid 0 \le x \le 1\}^{N \times M \times 8 \times 8}
# $$ (eq-attention-luma)
#
# $$
# A^{(C)} \in \{x \in \mathbb{R} \mid 0 \le x \le 1\}^{N \times M \times 8 \times 8}
# $$ (eq-attention-chroma)
#
# These are Eqs. 1 and 2 of the paper. $N$ and $M$ count the rows and columns of blocks; $C_b$ and $C_r$ share
# $A^{(C)}$. The encoder multiplies, divides and rounds:
#
# $$
# \begin{aligned}
# \hat Z[n, m] &= \left\lfloor F[n, m] \odot A[n, m] \oslash Q \right\rceil, \\
# \hat F[n, m] &= \hat Z[n, m] \odot Q \approx F[n, m] \odot A[n, m].
# \end{aligned}
# $$ (eq-pre-edit)
#
# Look at the second line. The decoder knows $Q$, which is in the file. It knows nothing of $A$, so it **cannot
# divide by it**. A coefficient of 100 with step 16 and $A = 0.5$ comes back as about 50:

# %% tags=["nbval-check-output"]
for A in (1.0, 0.5, 0.07):
    z_hat = round(100 * A / 16)
    print(f"A = {A:.2f}: the file holds {z_hat}, the decoder shows {z_hat * 16}")

# %% [markdown]
# So attention does not make a step finer or coarser. It is a *pre-edit*: it weakens patterns of the photo for good, and
# then JPEG compresses the edited photo. Other work edits the pixels {cite:p}`talebi2021preediting`; here the
# coefficients are edited. One line computes them from the photo, by the steps of {ref}`ch-jpeg`:

# %%
from repro.plain import dct, rgb_to_ycbcr, to_blocks


def forward_dct(x):
    """(B, 3, H, W) RGB on 0–255 → F (B, 3, rows, cols, 8, 8)."""
    return dct(to_blocks(rgb_to_ycbcr(x) - 128))


x = torch.tensor(rgb).permute(2, 0, 1)[None].float()
F = forward_dct(x)

# %% [markdown]
# What can a pre-edit do? Let us choose $A$ by hand, the same for all blocks, and write a real file at quality 30.
# `write` puts whole numbers into a JPEG file, and `decode` is libjpeg:

# %%
from repro.jpeg.codestream import Coefficients, decode, read, write
from repro.jpeg.tables import quality_tables

tables = np.asarray(quality_tables(30), np.uint16)
Q = torch.tensor(tables[[0, 1, 1]].astype(int))[:, None, None]  # for Y, Cb and Cr


def pre_edit(A):
    """A file whose coefficients were multiplied by A before rounding."""
    z_hat = (F * A / Q).round()[0].short().numpy()
    return write(Coefficients(tuple(z_hat), tables, *rgb.shape[:2]))


v_plus_u = torch.arange(8)[:, None] + torch.arange(8)
by_hand = {
    "A = 1": torch.ones(8, 8),
    "A = 0.5": torch.full((8, 8), 0.5),
    "fine patterns 0.3": torch.where(v_plus_u >= 4, 0.3, 1.0),
}
edited = {name: pre_edit(A) for name, A in by_hand.items()}

# %% [markdown]
# With $A = 0.5$, the coefficients in the file should be half of $F$, to within half a step. Half of the photo's
# contrast should be left, because the decoder does not undo the edit:

# %% tags=["nbval-check-output"]
F_hat = torch.tensor(np.stack(read(edited["A = 0.5"]).planes)) * Q
off = (F_hat - F[0] / 2).abs()
print("Ẑ ⊙ Q is F / 2 to half a step:", bool((off <= Q / 2 + 1e-3).all()))
contrast = {name: decode(data).std() for name, data in edited.items()}
left = contrast["A = 0.5"] / contrast["A = 1"]
print("contrast that is left:", round(float(left), 1))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pre-edit", "caption": "One photo at quality 30 with three attention maps: 1 everywhere, one half everywhere, and 0.3 for fine patterns only."}, "image": {"alt": "Three pictures. The second has half the contrast and looks foggy. The third looks like the first, a little softer."}}
pixels = rgb.shape[0] * rgb.shape[1]
bpp = {name: 8 * len(data) / pixels for name, data in edited.items()}
titles = [f"{name}\n{rate:.2f} bpp" for name, rate in bpp.items()]
style.image_row([decode(data) for data in edited.values()], titles)

# %% tags=["remove-cell"]
for key, rate in zip(("all", "half", "fine"), bpp.values(), strict=True):
    glue(f"bpp_{key}", rate)

# %% [markdown]
# Halving everything brings the file from {glue:text}`bpp_all:.2f` to {glue:text}`bpp_half:.2f` bpp and puts fog over
# the photo, because the means of the blocks shrink towards mid-grey, too ({numref}`fig-pre-edit`). Fading only the fine
# patterns gives {glue:text}`bpp_fine:.2f` bpp, and the difference is hard to see. How visible a change is depends on
# where in the photo it is. So the task is to **find, for each block, what can fade without being noticed**.

# %% [markdown]
# ## A network that looks at the photo
#
# The paper takes the first layers of a network that was trained to name what is in a photo (the thousand classes of
# ImageNet {cite:p}`deng2009imagenet`). These layers, the *trunk*, respond to edges, textures and shapes. Each of the
# paper's trunks halves the picture's width and height three times, so one vector of features stands for 8 × 8 pixels:
# exactly one block. One more layer turns this vector into 64 + 64 numbers.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-network", "caption": "Attention from a convolutional trunk (Fig. 3 of the paper)."}, "image": {"alt": "Two rows of boxes. Above: photo, trunk, 1 by 1 convolution to 128 channels, sigmoid. Below: photo, DCT, F times A, quantise. An arrow brings the map A down from the sigmoid to the multiplication."}}
diagrams.convolutional()

# %% [markdown]
# In {numref}`fig-attention-network`, the 1 × 1 convolution is a matrix that turns the features of one block into 128
# numbers, the same matrix for every block. The sigmoid $1 / (1 + e^{-t})$ squeezes each of them into the range from 0
# to 1. Then the 128 numbers are arranged as two blocks of 8 × 8. That gives the maps of Eqs. 1 and 2:

# %%
from repro.plain import IMAGENET_MEAN, IMAGENET_STD


def convolutional_attention(x, trunk, head):
    """A (B, 2, rows, cols, 8, 8) in 0–1, luma and chroma. Eqs. 1 and 2."""
    features = trunk((x / 255 - IMAGENET_MEAN) / IMAGENET_STD)
    A = torch.sigmoid(head(features))
    return A.unflatten(1, (2, 8, 8)).permute(0, 1, 4, 5, 2, 3)


# %% [markdown]
# The paper tries three trunks:
#
# - **VGG-19** up to its third max-pool {cite:p}`simonyan2014vgg`: the baseline. Our own recipe replaces it with
#   **VGG-16**, whose weights come with a package. Up to that pool, it is the same network with one layer fewer.
# - **ResNet-152** up to block 1 of its third stage, conv3 {cite:p}`he2016resnet`.
# - **ResNet-152** up to block 7 of the same stage: deeper.
#
# The trunk of VGG-16 is `torchvision.models.vgg16().features[:17]`, and the head on top of it is
# `nn.Conv2d(256, 2 * 64, kernel_size=1)`. `attention.build` makes both, with ImageNet's weights in the trunk and random
# ones, drawn by `seed`, in the head. We run them with the function above:

# %% tags=["nbval-check-output"]
vgg = attention.build("vgg16", seed)
with torch.no_grad():
    A = convolutional_attention(x, vgg.trunk, vgg.head)
    fast = vgg(x, F)
print("all of A lies between 0 and 1:", bool((A >= 0).all() and (A <= 1).all()))
print("the package's fast version agrees:", torch.allclose(A, fast, atol=1e-4))

# %% [markdown]
# Do the shapes that the paper states fit together? We run each network on a crop of 224 × 224 pixels, which has
# 28 × 28 blocks:


# %% tags=["nbval-check-output"] mystnb={"markdown_format": "gfm"}
from repro.attention import CONVOLUTIONAL, METHODS


def count(module):
    return sum(p.numel() for p in module.parameters())


def shape(tensor):
    return "×".join(str(side) for side in tensor.shape[1:])


crop, rows = x[..., :224, :224], []
for method in METHODS[1:]:
    network = attention.build(method, seed)
    A = network(crop, forward_dct(crop))
    features, trunk = "none", 0
    if method in CONVOLUTIONAL:
        features, trunk = shape(network.features(crop)), count(network.trunk)
    row = {"method": method, "features": features, "A": shape(A)}
    row |= {"parameters, trunk": f"{trunk:,}", "rest": f"{count(network) - trunk:,}"}
    rows.append(row)
style.table(rows)

# %% [markdown]
# They do. Each $A$ has two maps of 28 × 28 blocks with 8 × 8 numbers, and block 7 of ResNet-152 gives the 28 × 28
# features in 512 channels that the paper states. The last column counts what has to be learned from scratch. The trunk
# can be trained as well ({term}`profile` `paper`, as in the paper) or left **frozen** (profile `cpu`, made for two
# processor cores). The features of a frozen trunk are computed once and reused, so training takes far less time.

# %% [markdown]
# ### How far does it see?
#
# A network that decides about a block should know the block's surroundings. To measure how much of them it sees, we ask
# how much the map of *one* block changes if a pixel of the photo changes a little. That is a gradient, and PyTorch
# computes it for all pixels at once. (Random signs keep the 128 numbers of the map from cancelling in the sum.)


# %%
def reach(network, x, row, col):
    """How much each pixel changes the map of block (row, col): (H, W), at most 1."""
    x = x.clone().requires_grad_()
    A = network(x, forward_dct(x))[0, :, row, col]
    signs = torch.randn(A.shape, generator=torch.Generator().manual_seed(0)).sign()
    (gradient,) = torch.autograd.grad((A * signs).sum(), x)
    strength = gradient[0].abs().sum(0)
    return strength / strength.max()


top, left = (x.shape[2] - 224) // 2, (x.shape[3] - 224) // 2
crop = x[..., top : top + 224, left : left + 224]
networks = {
    "VGG-16": vgg,
    "ResNet-152": attention.build("resnet152-block7", seed),
    "LSTM": attention.build("lstm", seed),
    "BiLSTM": attention.build("bilstm", seed),
}
reached = {name: reach(network, crop, 14, 14) for name, network in networks.items()}

# %% [markdown]
# A pixel whose gradient is zero should have no influence at all. We paint all such pixels grey and compute the block's
# map again:

# %% tags=["nbval-check-output"]
greyed = torch.where(reached["VGG-16"] > 0, crop, 128.0)
before, after = vgg(crop, None)[0, :, 14, 14], vgg(greyed, None)[0, :, 14, 14]
print("most pixels are grey:", bool((reached["VGG-16"] == 0).float().mean() > 0.9))
print("the map is the same:", torch.allclose(before, after, atol=1e-5))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reach", "caption": "How much each pixel changes the map of the framed block, on a logarithmic scale: brighter is more. ResNet-152 is cut at block 7 of conv3."}, "image": {"alt": "Four dark squares, one for each network. VGG-16: a small bright square around the block. ResNet-152: a large one. LSTM: a thin bright line to the left of the block. BiLSTM: a thin line to both sides."}}
attention.reach_maps(reached, 14, 14)

# %% [markdown]
# To put a number on this reach, we count the blocks that hold a pixel with at least a thousandth of the strongest
# influence:

# %%
blocks = {}
for name, strength in reached.items():
    strongest = to_blocks(strength[None, None]).amax((-1, -2))
    blocks[name] = int((strongest >= 1e-3).sum())

# %% tags=["remove-cell"]
for key, number in zip(
    ("vgg", "resnet", "lstm", "bilstm"), blocks.values(), strict=True
):
    glue(f"reach_{key}", number)

# %% [markdown]
# VGG-16 sees a small window around the block, {glue:text}`reach_vgg` blocks in all. ResNet-152, cut at block 7, sees a
# large one of {glue:text}`reach_resnet` ({numref}`fig-reach`). The other two are the paper's recurrent networks, which
# we come to below. They see a thin line: {glue:text}`reach_lstm` blocks for the LSTM and {glue:text}`reach_bilstm` for
# the BiLSTM.

# %% [markdown]
# ## Weights, and how to feed them
#
# A trunk is only as good as its weights. The table shows the weights at hand on the machine that built this page:

# %% tags=["hide-input"] mystnb={"markdown_format": "gfm"}
style.table(
    [
        {"network": row.name, "weights": row.source or "not at hand"}
        for row in weights.status()
    ]
)

# %% [markdown]
# The hash of every file is checked before it is read. Where the published weights could not be downloaded, the table
# names a stand-in; {ref}`ch-resnet` explains the distilled trunk. If there are no weights for a network, its pictures
# on this page were made with random ones. Such pictures show the right shapes and windows, but nothing else.
# `repro weights fetch vgg19` downloads the published weights.
#
# One mistake is easy to make. These trunks were trained on colours from 0 to 1 **less the mean of ImageNet, divided by
# its standard deviation**. The baseline's program feeds in colours from 0 to 1 as they are: it neither subtracts a mean
# nor divides. Does this matter with our weights? We compare how strongly each channel responds on average:

# %%
inputs = {
    "as it was trained": (x / 255 - IMAGENET_MEAN) / IMAGENET_STD,
    "0–1, as they are": x / 255,
}
responses = {name: vgg.trunk(fed).mean((0, 2, 3)) for name, fed in inputs.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-responses", "caption": "Mean response of each of VGG-16's 256 channels to the photo, with its input scaled in two ways."}, "image": {"alt": "A point for each channel: its response to colours fed as they are, on 0\u20131, against its response to colours scaled as in training. Nearly all points lie below the line of equality: to unscaled colours most channels respond less, and a few more strongly."}}
attention.response_plot(responses)

# %% tags=["remove-cell"]
trained, raw = responses.values()
glue("response_trained", trained.mean())
glue("response_raw", raw.mean())
glue("response_mean_alone", vgg.trunk(x / 255 - IMAGENET_MEAN).mean())
glue("response_share", 100 * raw.mean() / trained.mean())
glue("response_correlation", torch.corrcoef(torch.stack([trained, raw]))[0, 1])

# %% [markdown]
# It does. With the baseline's input, the mean response is {glue:text}`response_raw:.2f` instead of
# {glue:text}`response_trained:.2f`, or {glue:text}`response_share:.0f` % of it. Nearly all of the drop comes from the
# missing division: with the mean subtracted, and nothing else, the response is {glue:text}`response_mean_alone:.2f`.
# The channels do not all change in the same proportion, either: the two sets of responses have a correlation of only
# {glue:text}`response_correlation:.2f` ({numref}`fig-responses`). A trunk that is trained as well can adapt to this; a
# frozen one cannot. We scale the input of every trunk as it was scaled in its training.

# %% [markdown]
# ## The maps
#
# Now we look at the map of a network that was {glue:text}`map_state`. (λ is a weight of the loss; see {ref}`ch-loss`.)
# The weights of its trunk come from {glue:text}`map_weights`.

# %%
network, state = attention.network_to_show()
with torch.no_grad():
    A = convolutional_attention(x, network.trunk, network.head)[0]

# %% [markdown]
# There are 64 maps for luma and 64 for chroma. The slider of {numref}`fig-attention-bands` groups them into five bands,
# from the mean of the block (DC) to its finest patterns. Watch which blocks stay bright as the patterns get finer.
# ({numref}`fig-resnet-bands` shows the same for three trunks, all trained.)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-bands", "caption": "Attention over the photo, by frequency band. Each square is one block. Drag the slider, or use the arrow keys."}}
named = {"luma": A[0].numpy(), "chroma": A[1].numpy()}
frames, labels, alts, captions = attention.band_slider(rgb, named)
frames_slider(
    frames, labels, alts, captions=captions, description="Band", start=2, width="34rem"
)

# %% [markdown]
# We ask two questions about the map. How much of each pattern does it let through on average? And does it keep more of
# the busy blocks, or of the plain ones? For the second question we take the low band of $A^{(L)}$ ($v + u$ is 1 or 2)
# and correlate it with the contrast of the block. By Parseval's theorem, the length of the vector of AC coefficients
# measures the contrast:

# %%
by_frequency = A.mean(dim=(1, 2))
high = by_frequency[0][v_plus_u >= 8].mean()
low_band = A[0][..., (v_plus_u == 1) | (v_plus_u == 2)].mean(dim=-1)
contrast = F[0, 0].flatten(2)[..., 1:].norm(dim=-1)
both = torch.stack([low_band.flatten(), contrast.flatten()])
correlation = torch.corrcoef(both)[0, 1]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-frequency", "caption": "The same maps averaged over the photo: how much of each of the 64 patterns is let through (row $v$, column $u$)."}, "image": {"alt": "Two 8 by 8 tables of numbers between 0 and 1, luma and chroma."}}
attention.mean_by_frequency(by_frequency)

# %% tags=["remove-cell"]
glue("map_state", state)
glue("map_weights", network.source.split(" (sha256")[0])
glue("mean_dc", by_frequency[0, 0, 0])
glue("mean_high", high)
glue("contrast", correlation)

# %% [markdown]
# On average, the means of luma's blocks are multiplied by {glue:text}`mean_dc:.2f`, and its finer patterns (those with
# $v + u \ge 8$) by {glue:text}`mean_high:.2f` ({numref}`fig-attention-frequency`). The correlation with contrast is
# {glue:text}`contrast:.2f`; +1 would mean "the busier the block, the more of it is kept". {ref}`ch-resnet`
# shows the trained maps of three trunks, and {ref}`ch-first-experiment` asks whether such maps are worth what they cost.

# %% [markdown]
# ## Reading the blocks in a row: LSTM
#
# The paper's last idea, as we understand it, is to do without a trunk. An LSTM {cite:p}`hochreiter1997lstm` is a
# network that reads its inputs one after another and carries a state from each to the next. Here it has 64 units and
# reads the DCT blocks like the words of a text, from left to right and line by line. There is one network for luma and
# one for chroma. Each puts out 64 numbers per block, which form the map.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recurrent-network", "caption": "Attention from a recurrent network that reads block after block (Fig. 4 of the paper)."}, "image": {"alt": "Two rows of boxes, one for luma and one for chroma: DCT blocks, the blocks in a row, an LSTM with 64 units, (1 + h) / 2, the map A. The LSTM has an arrow to itself: its state goes to the next block."}}
diagrams.recurrent()

# %% [markdown]
# An LSTM's output $h$ lies between −1 and 1, so we take $A = (1 + h) / 2$. A **BiLSTM** {cite:p}`schuster1997birnn`
# reads the blocks a second time, from the last to the first. It gives 128 numbers for each block. A linear layer
# reduces them to 64, and a sigmoid squeezes these into the range from 0 to 1.


# %%
def recurrent_attention(F, luma, chroma, merge=None):
    """A (B, 2, rows, cols, 8, 8) from LSTMs that read F / 128 block by block."""
    maps = []
    for plane, lstm in enumerate((luma, chroma, chroma)):
        h, _ = lstm(F[:, plane].flatten(1, 2).flatten(2) / 128)  # (B, rows · cols, 64)
        A = (1 + h) / 2 if merge is None else torch.sigmoid(merge[min(plane, 1)](h))
        maps.append(A)
    A = torch.stack([maps[0], (maps[1] + maps[2]) / 2], dim=1)
    return A.view(F.shape[0], 2, *F.shape[2:])


# %% [markdown]
# These networks are not trained. They still have PyTorch's random initial weights:

# %% tags=["nbval-check-output"]
lstm, bilstm = networks["LSTM"], networks["BiLSTM"]
one_way = recurrent_attention(F, lstm.luma, lstm.chroma)
both_ways = recurrent_attention(F, bilstm.luma, bilstm.chroma, bilstm.merge)
for name, A in {"LSTM": one_way, "BiLSTM": both_ways}.items():
    same = torch.allclose(A, networks[name](x, F), atol=1e-4)
    print(f"{name}: the package's fast version agrees:", same)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recurrent-maps", "caption": "Maps of untrained recurrent networks, averaged over luma's AC coefficients. Each has its own scale, from its smallest to its largest value. Such a mean spans a smaller range than the maps of single coefficients."}, "image": {"alt": "The photo and two maps, for LSTM and BiLSTM, in which its shapes can be made out, with short streaks along the rows of blocks."}}
maps = {"LSTM": one_way, "BiLSTM": both_ways}
attention.recurrent_maps(rgb, {name: A[0].numpy() for name, A in maps.items()})

# %% [markdown]
# {numref}`fig-recurrent-maps` has streaks along the rows, and {numref}`fig-reach` shows why. In the sequence, the block
# *above* lies a whole row of blocks back, and the network has forgotten it. In this untrained LSTM, only
# {glue:text}`reach_lstm` blocks count: the block itself and those on its left. This order is natural for a text. It is
# not natural for a photo, in which up and down matter as much as left and right. Training can lengthen the memory, but
# the network then has to learn what a convolution has by construction. The paper finds that its recurrent networks do
# worse than VGG (its section 6.8), and this is one possible reason. {ref}`ch-lstm` explains how an LSTM computes its
# output, and what we had to choose because the paper does not say.

# %% [markdown]
# ## What the paper leaves open
#
# | question | what we take | why |
# |---|---|---|
# | Is $A$ undone by the decoder? | no | a standard decoder cannot; the baseline's program does not |
# | Before or after the division by $Q$? | either | multiplying and dividing commute; rounding comes last |
# | "block $k$" of conv3 | the $k$-th bottleneck of torchvision's `layer2` | gives the 28 × 28 × 512 features that the paper names |
# | input of the trunk | scaled as in its training | see {numref}`fig-responses`; the baseline's program feeds colours from 0 to 1 as they are |
# | start of the last layer | $A = 1/2$ in profile `paper`, near 0.88 in `cpu` | the second starts nearer to plain JPEG and trains in fewer steps |
#
# ## Summary
#
# - An attention map is a pre-edit: for each block, 64 numbers between 0 and 1 make coefficients smaller before they are
#   rounded. No decoder can undo this.
# - Even the mean of a block can fade. A careless map puts fog over the photo.
# - A trunk trained on ImageNet gives one feature vector per block; a 1 × 1 convolution and a sigmoid make the map.
# - VGG sees a small window, ResNet cut at block 7 a large one, and an LSTM a thin line of earlier blocks.
# - The input of a trunk must be scaled as it was in its training. Otherwise its channels respond differently.
#
# ## Exercises
#
# **1.** $A = 0.5$ everywhere gives the same whole numbers as a table twice as coarse with no attention at all. Is
# the file the same, then? Is the picture?
#
# ```{admonition} Solution
# :class: dropdown
# The whole numbers $\hat Z$ are the same, and so are their Huffman codes. But the file also holds the table, and the
# decoder multiplies by it. With the coarse table it brings the coefficients back to full size; with attention it
# multiplies by the fine one, and they stay at half. So attention that is the same everywhere has hardly any advantage:
# whatever it saves, a coarser table saves too, and without the fog. To be useful, attention has to *differ* from block
# to block.
# ```
#
# **2.** The table of shapes says that the head on top of VGG has 32,896 parameters. Derive the number. How many would
# there be if chroma had a map for each of its two planes?
#
# ```{admonition} Solution
# :class: dropdown
# A 1 × 1 convolution from 256 channels to 2 · 64 has 256 · 128 weights and 128 biases: 32,768 + 128 = 32,896. With
# three maps it would be 256 · 192 + 192 = 49,344.
# ```
#
# **3.** What does the decoder show if $A$ is 1 for the mean of each block and 0 for everything else? Try it:
# `A = torch.zeros(8, 8); A[0, 0] = 1`, then `decode(pre_edit(A))`.
#
# ```{admonition} Solution
# :class: dropdown
# A mosaic of flat squares, the photo at an eighth of its resolution. Each block costs only the difference between its
# mean and that of the block before, and an end-of-block symbol. It is the cheapest picture that still has every block's
# brightness and colour right. What the map takes out, no table brings back.
# ```
#
# ## What's next
#
# To train such a network, the loss must tell the map in which direction to change. But rounding lies between the two.
# It is flat nearly everywhere, so it passes no gradient. {ref}`ch-quantisation` solves this problem, and finds a sign
# error in the paper on the way.
