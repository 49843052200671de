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
# (ch-lstm)=
# # Reading a photo like a text: LSTM
#
# A JPEG file stores its blocks in sequence, row by row and from left to right. The paper's last network has no trunk
# that computes features of the photo. It *reads* these blocks one after the other, and has a memory. In the paper it
# does not do well. This chapter repeats the experiment, and measures how far the memory reaches.
#
# ```{admonition} What you will learn
# - how blocks become a sequence, and how far apart neighbours are in it
# - what an LSTM computes at each step, and how the paper derives attention from it (its Fig. 4)
# - what a recurrent network can and cannot know about a block's surroundings, measured on trained networks
# - whether LSTM, BiLSTM and min–max normalisation do as badly here as the paper says (its Fig. 15)
# - what "overshooting" at larger learning rates looks like
#
# You need {ref}`ch-attention`, and {ref}`ch-first-experiment` for how to compare.
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
from bookkit import glue, html
from chapters import attention, findings, rate_distortion, style, tables
from chapters import recurrent as fig
from chapters.comparison import network_of
from chapters.rate_distortion import Pair
from repro.experiments.claims import PAPER_RATES, Evidence, all_claims, counted, savings
from repro.experiments.claims import recurrent as judge
from repro.model import S

evidence = Evidence()
curves, first = evidence.seeds("15"), evidence.first("15")
rgb = style.book_photo("kodim23", data_dir).rgb()

# %% [markdown]
# ## The idea: blocks in a row
#
# "The image is divided into 8 × 8 blocks for DCT. These 8 × 8 DCT blocks are sequentially fed into LSTMs, one for each
# channel", says the paper (section 5.3); "the number of time steps is the total number of 8 × 8 DCT blocks present in
# the input image". If a row has $M$ blocks, block $(n, m)$ is read at step
#
# $$
# t = n M + m + 1 , \qquad x_t = \tfrac{1}{128} \operatorname{vec} F[n, m] .
# $$ (eq-sequence)
#
# The division by 128 is our choice; a table below gives the reason. In code, the two axes of blocks become one, and so
# do the two axes within a block:

# %%
import torch

from repro.plain import forward_dct

F = forward_dct(attention.padded_tensor(rgb))  # (1, 3, rows, cols, 8, 8)
sequence = F[:, 0].flatten(1, 2).flatten(2) / 128  # luma: (1, steps, 64)

n, m, M = 14, 62, F.shape[3]
t = n * M + m + 1
print(tuple(F.shape), "→", tuple(sequence.shape))
same = torch.equal(sequence[0, t - 1], F[0, 0, n, m].flatten() / 128)
print(f"step {t} is block ({n}, {m}): {same}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-order", "caption": "Left: the order in which the blocks are read (every eighth row is shown). Right: one block and its neighbours. The numbers say how many steps before (\u2212) or after (+) it each neighbour is read."}, "image": {"alt": "Left: a photo with arrows from left to right, one below the other, in colours from dark to light. Right: three rows of five blocks with numbers: the block to the left is one step before, the block above a whole row of steps before."}}
fig.reading_order(rgb, n, m)

# %% tags=["remove-cell"]
rows, cols = F.shape[2:4]
glue("steps_photo", rows * cols)
glue("cols_photo", cols)
glue("cols_crop", 224 // 8)
glue("steps_crop", (224 // 8) ** 2)

# %% [markdown]
# Reading this photo takes {glue:text}`steps_photo:,d` steps. The block to the left was read just before. The block
# *above*, which is just as near in the picture, was read {glue:text}`cols_photo` steps ago ({numref}`fig-lstm-order`).
# This distance depends on the width of the picture. Training uses crops of 224 pixels, with {glue:text}`cols_crop`
# blocks in a row and {glue:text}`steps_crop` in all. **A network that learns from crops how many steps to look back for
# the block above will find a different block there in a photo.**

# %% [markdown]
# ## One step of an LSTM
#
# A recurrent network passes a state on from step to step. In an LSTM {cite:p}`hochreiter1997lstm` the state consists
# of two vectors, here of 64 numbers each: $c_t$ is the memory, and $h_t$ is the output. Three gates, with values
# between 0 and 1, decide how much of the memory is kept ($f$, the forget gate), how much is added to it ($i$), and how
# much of it goes to the output ($o$). Each gate has its own weights $W$, $U$ and $b$:
#
# $$
# \begin{aligned}
# f_t, i_t, o_t &= \operatorname{sigmoid}(W x_t + U h_{t-1} + b) \\
# g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g) \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
# h_t &= o_t \odot \tanh c_t .
# \end{aligned}
# $$ (eq-lstm)
#
# PyTorch stacks the four matrices in the order $i, f, g, o$, and keeps two bias vectors where one would do:


# %%
def lstm_step(x, h, c, lstm):
    """The next h and c (64,) of a one-layer ``lstm`` that reads a block ``x`` (64,)."""
    W, U, b, d = lstm.parameters()
    i, f, g, o = (W @ x + b + U @ h + d).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


# %% [markdown]
# Reading is a loop over the blocks. We let an LSTM with random weights read the first hundred of them, and compare with
# `nn.LSTM`:

# %%
from torch import nn

torch.manual_seed(seed)
lstm = nn.LSTM(64, 64, batch_first=True).requires_grad_(False)
h, c, outputs = torch.zeros(64), torch.zeros(64), []
for x in sequence[0, :100]:
    h, c = lstm_step(x, h, c, lstm)
    outputs.append(h)

by_hand = torch.stack(outputs)
at_once = lstm(sequence[:, :100])[0][0]
print("nn.LSTM agrees:", torch.allclose(by_hand, at_once, atol=1e-5))

# %% [markdown]
# ## Attention from an LSTM
#
# With 64 units "the input (8 × 8 DCT tensor) and the output from the LSTM will be of the same dimension", so $h_t$ can
# serve as the map of block $t$. But $h_t$ lies between −1 and 1, while $A$ must lie between 0 and 1. The paper does
# not say how it maps one to the other. We take
#
# $$
# \operatorname{vec} A[n, m] = \tfrac12 (1 + h_t) .
# $$ (eq-lstm-map)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-unrolled", "caption": "Fig. 4 of the paper, drawn step by step. Each block's coefficients go into the LSTM, and also past it, to be multiplied by the map that the LSTM puts out. There is one LSTM for luma and one for chroma, which reads Cb and Cr. Dashed: the second direction of a BiLSTM."}, "image": {"alt": "Three columns for the blocks t \u2212 1, t and t + 1. In each an arrow goes up from the block's 64 coefficients to an LSTM of 64 units, to the map A, (1 + h) / 2, and to the product of F and A, which is then divided by Q and rounded; another arrow goes from the coefficients past the LSTM to the product. Arrows to the right join the LSTMs and carry the state. Dashed arrows to the left are a second network of a BiLSTM."}}
fig.unrolled()

# %% [markdown]
# The paper leaves more questions open. These are our choices, and other choices are possible:
#
# | question | our choice | why |
# |---|---|---|
# | $h$ lies in −1 … 1, $A$ in 0 … 1 | $A = (1 + h)/2$ | keeps the whole range; starts near $A = 1/2$, as the baseline does |
# | two directions give 128 numbers, $A$ needs 64 | a linear layer and a sigmoid, for luma and for chroma | the simplest that fits |
# | "one for each channel (Luminance and Chrominance)", but chroma has two planes | one network reads Cb and then Cr; its two maps are averaged | Eqs. 5 and 6 share $A^{(C)}$ |
# | coefficients go up to ±1024 | divided by 128 | otherwise many gates would be fully open or shut |
# | min–max over what? | over each map of a photo | "normalizing the LSTM based attention map" |
# | "image feature maps" (title) or "DCT blocks" (text)? | DCT blocks | the text is more precise, and the dimensions fit |
#
# With these choices, the recurrent form of Eqs. 1 and 2 is `recurrent_attention` of {ref}`ch-attention`. The package's
# network computes the same maps. It runs the LSTMs side by side on several cores:

# %%
from repro.attention import build
from repro.plain import recurrent_attention

crop = attention.middle(rgb, 224)
x = attention.padded_tensor(crop)
F = forward_dct(x)

torch.manual_seed(seed)
package = build("lstm").requires_grad_(False)
A = recurrent_attention(F, package.luma, package.chroma)
print("the package's fast version agrees:", torch.allclose(A, package(x, F), atol=1e-5))
print(f"untrained, A is {A.mean():.2f} on average")

# %% [markdown]
# ## Two directions
#
# A BiLSTM {cite:p}`schuster1997birnn` has a second network that reads backwards from the end, for "processing patches
# of images not only from past-to-future but also from future-to-past". The sequence is reversed for it, its output is
# reversed back, and both outputs are concatenated. PyTorch keeps the two networks in one module. Here we take them
# apart:

# %%
torch.manual_seed(seed)
both = build("bilstm").requires_grad_(False)
forward, backward = (nn.LSTM(64, 64, batch_first=True) for _ in range(2))
weights = both.luma.state_dict()
for one, suffix in ((forward, ""), (backward, "_reverse")):
    one.load_state_dict({name: weights[name + suffix] for name in one.state_dict()})

luma = F[:, 0].flatten(1, 2).flatten(2) / 128
h_forward, _ = forward(luma)
h_backward, _ = backward(luma.flip(1))
h = torch.cat([h_forward, h_backward.flip(1)], dim=-1)
print(tuple(h.shape))
print("PyTorch's BiLSTM agrees:", torch.allclose(h, both.luma(luma)[0], atol=1e-5))

# %% [markdown]
# A linear layer reduces the 128 numbers to 64, and a sigmoid maps them to 0 … 1:

# %%
A_luma = torch.sigmoid(both.merge[0](h)).view(F[:, 0].shape)
A = recurrent_attention(F, both.luma, both.chroma, both.merge)
print("recurrent_attention agrees:", torch.allclose(A_luma, A[:, 0], atol=1e-5))
print("the package's fast version agrees:", torch.allclose(A, both(x, F), atol=1e-5))

# %% [markdown]
# ## What can an LSTM know?
#
# A convolution looks at a block's surroundings on all sides, two rows up as easily as two columns to the left. An LSTM
# knows **the block itself, and what it has not yet forgotten of the blocks before it**. It has not read the block to
# the right or the row below. The block above lies a whole row of steps back. A BiLSTM knows both sides of its row, but
# the blocks above and below are still a whole row of steps away.
#
# We can measure how much is remembered. As in {ref}`ch-attention`, we take the gradient of one block's map with respect
# to the pixels. The map's 128 numbers get random signs, so that their gradients do not cancel. For each block of the
# photo, the pixel with the largest gradient counts:

# %%
from repro.plain import to_blocks


def influence(network, x, row, col):
    """How strongly each block changes the map of (row, col): (rows, cols) in 0–1."""
    x = x.clone().requires_grad_()
    A = network(x, forward_dct(x))[0, :, row, col]
    torch.manual_seed(0)
    signs = torch.randint(0, 2, A.shape) * 2 - 1
    (gradient,) = torch.autograd.grad((A * signs).sum(), x)
    strength = to_blocks(gradient.abs().sum(1, keepdim=True)).amax((-1, -2))[0, 0]
    return strength / strength.max()


def steps_back(strength, row, col, least=1e-3):
    """How many steps before (row, col) the farthest influential block was read."""
    steps = torch.arange(strength.numel()) - (row * strength.shape[1] + col)
    return -steps[strength.flatten() >= least].min().item()


# %% [markdown]
# We apply it to the networks that were trained for this page, on a crop as large as those in training. A row of the
# crop has {glue:text}`cols_crop` blocks. We count the blocks with at least a thousandth of the strongest influence:

# %%
networks = {}
names = ("CNN (VGG-16)", "LSTM", "BiLSTM", "LSTM, min–max")
for name, series in zip(names, judge.FIGURE_15[1:], strict=True):
    networks[name] = network_of(evidence, "15", series)

block = (14, 14)
found = {name: influence(networks[name], x, *block) for name in names[:3]}
untrained = influence(package, x, *block)
for name, strength in [*found.items(), ("LSTM before training", untrained)]:
    count, back = (strength >= 1e-3).sum(), steps_back(strength, *block)
    print(f"{name}: {count} blocks, the farthest {back} steps back")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-memory", "caption": "How strongly each block influences the map of the block at 0 in trained networks, in the order of reading. Dotted lines are whole rows apart. The CNN's peaks away from 0 are blocks above and below."}, "image": {"alt": "The influence on a logarithmic axis against the steps before or after the block, three plots. With the CNN there is a narrow peak at every dotted line near zero, that is, on all sides of the block. With the LSTM only the block itself and those before it have influence, with the BiLSTM blocks on both sides."}}
fig.memory_plot({name: strength.numpy() for name, strength in found.items()}, *block)

# %% tags=["remove-cell"]
glue("memory_lstm", steps_back(found["LSTM"], *block))
reaches = "reaches" if steps_back(found["LSTM"], *block) >= 28 else "does not reach"
glue("memory_words", f"{reaches} the block above, which is 28 steps back")

# %% [markdown]
# The LSTM's memory {glue:text}`memory_words` ({numref}`fig-lstm-memory`).

# %% [markdown]
# ## The maps of a photo

# %%
maps = {name: attention.maps(network, rgb) for name, network in networks.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-maps", "caption": "Attention for luma by the trained networks, averaged over all coefficients except the mean of the block. Each map has its own scale, from its smallest to its largest value. Bright is kept."}, "image": {"alt": "The photo and three maps of it, one value for each block, for CNN, LSTM and BiLSTM attention. The titles give the range of each map."}}
attention.recurrent_maps(rgb, {name: maps[name] for name in found})

# %% tags=["hide-input"]
html.table(*attention.map_rows(maps), caption="The maps in numbers")

# %% [markdown]
# Compare the means and the spreads in the table. (The ranges in the titles mislead for the LSTM: its lowest values
# belong to the first blocks of the photo, which it reads with an empty memory.) The recurrent networks start at
# $A = 1/2$ and first have to learn to keep coefficients (the CNN starts near 0.88 in this profile,
# {ref}`ch-attention`). If a map makes a coefficient smaller in *all* blocks, no table can make up for it, because the
# decoder multiplies by the same $Q$ that the encoder divides by. A map whose spread over the blocks is near zero treats
# all blocks alike, as a table does. Such an encoder should compress about as well as learned tables alone, and
# {ref}`ch-first-experiment` measures how little separates those from the CNN.

# %% [markdown]
# ## The runs
#
# All networks of Fig. 15 were trained with the same loss, the same crops and the same number of steps. The learning rate
# of the recurrent networks was chosen on the tuning photos, with the LSTM. The last three recipes of the table belong to
# the section on learning rates:

# %% tags=["remove-input"]
origins = tables.origin("15", evidence.profile, evidence.store)
tables.folded("Where the stored results of this page come from", [], origins.items())

# %% [markdown]
# ## How well do they compress? Fig. 15
#
# The paper says of its Fig. 15 that "LSTM and Bi-LSTM based models perform sub-optimally as compared to their CNN-only
# counterpart", and that at lower rates "these models still are struggling to beat the vanilla JPEG baseline".

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-figure-15", "caption": "Fig. 15 of the paper: MS-SSIM against bits per pixel for standard JPEG, CNN (VGG-16), LSTM and BiLSTM attention, and an LSTM whose map is stretched to 0\u20131 by min\u2013max normalisation (the paper mentions that one, but does not plot it). Left: bits as the paper counts them, with the range of its claims shaded. Right: bits of the file itself, all files sequential."}, "image": {"alt": "Two plots of MS-SSIM against bits per pixel, with five rising lines each: standard JPEG, VGG-16, LSTM and BiLSTM attention, and LSTM with min–max. The figures below show their differences."}}
fig.figure_15(first)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-gain", "caption": "What LSTM and BiLSTM gain over the CNN at equal rate (the paper's counting), with 95 % intervals. Below zero the recurrent network is worse."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for LSTM and for BiLSTM, around a line at zero."}}
cnn, one_way, bilstm, stretched = (
    counted(curves[name], "bpp_paper") for name in judge.FIGURE_15[1:]
)
pairs = [
    Pair("LSTM against CNN", cnn, one_way, "lstm"),
    Pair("BiLSTM against CNN", cnn, bilstm, "bilstm"),
]
rate_distortion.gain_plot(pairs, PAPER_RATES, shaded=(0.25, 0.42))

# %% tags=["remove-cell"]
judged = [claim for claim in all_claims(evidence) if claim.figure == "15"]
for name, words in tables.claim_words(judged).items():
    glue(name, words)
glue("cnn_rise", judge.rises(curves)[0][judge.CNN])

# %% [markdown]
# | the paper says | here |
# |---|---|
# | both are below the CNN (here: in MS-SSIM) | {glue:text}`claim_16` |
# | at low rates they struggle to beat standard JPEG (here: are not clearly better) | {glue:text}`claim_20` |
# | MS-SSIM saturates (here: rises less than half as much as that of standard JPEG) | {glue:text}`claim_21` |
#
# The table at the end of this page says at which rates, and by how much MS-SSIM rises. The MS-SSIM of all three
# networks rises less than that of standard JPEG, but this says little about memory: that of the CNN, which has no
# memory, rises by {glue:text}`cnn_rise:.4f` over the same rates. The nearer a curve is to 1, the less it can still
# rise.

# %% [markdown]
# ### Do a second direction and min–max help?
#
# The paper adds the second direction in the hope of "better sequential information", but "unfortunately, this idea
# leads to performance lower than a single LSTM layer". It also tries min–max normalisation, which "resulted in further
# degrading the performance". {numref}`fig-lstm-variants` compares both with the plain LSTM:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-variants", "caption": "What a second direction, and min\u2013max normalisation, gain over the plain LSTM at equal rate (the paper's counting), with 95 % intervals. Below zero the plain LSTM is better."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for BiLSTM against LSTM and for min\u2013max against plain, around a line at zero."}}
pairs = [
    Pair("BiLSTM against LSTM", one_way, bilstm, "bilstm"),
    Pair("LSTM, min–max against LSTM", one_way, stretched, "lstm"),
]
rate_distortion.gain_plot(pairs, PAPER_RATES, shaded=(0.25, 0.42))

# %% [markdown]
# | the paper says | here |
# |---|---|
# | BiLSTM is below a single LSTM (here: in MS-SSIM) | {glue:text}`claim_17` |
# | LSTM with min–max is below LSTM without (here: in MS-SSIM) | {glue:text}`claim_18` |

# %% [markdown]
# ## What min–max does to a map
#
# Min–max normalisation stretches a map to the whole range from 0 to 1. The paper does not say over which values it
# takes the extremes. We take them over all blocks of the photo:
#
# $$
# A' = \frac{A - \min A}{\max A - \min A} .
# $$ (eq-min-max)


# %%
def min_max(A):
    """Each map of A (B, 2, rows, cols, 8, 8), stretched to 0–1 over its picture."""
    low, high = A.amin((2, 3, 4, 5), keepdim=True), A.amax((2, 3, 4, 5), keepdim=True)
    return (A - low) / (high - low).clamp_min(1e-6)


# %% [markdown]
# This looks like a harmless change of scale. But it fixes two values: in *every* photo some coefficient is removed
# ($A' = 0$) and another is kept entirely ($A' = 1$). And a single unusual block changes the map of all others:

# %%
stretching = build("lstm", minmax=True).requires_grad_(False)
stretching.load_state_dict(package.state_dict())
A = recurrent_attention(F, package.luma, package.chroma)
same = torch.allclose(min_max(A), stretching(x, F), atol=1e-4)
print("the package's fast version agrees:", same)
for name, one in (("before", A), ("after", min_max(A))):
    print(f"{name}: {one[0, 0].min():.2f} to {one[0, 0].max():.2f} in luma")

odd = A.clone()
odd[0, 0, 0, 0, 0, 0] = 1.0  # one number of one block
for name, one in (("as it is", A), ("with one odd block", odd)):
    print(f"{name}, the mean of all other rows is {min_max(one)[0, 0, 1:].mean():.2f}")

# %% [markdown]
# These are the values of $A$ that two trained networks give to our photo:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-histogram", "caption": "How often each value of A occurs on the photo (logarithmic): LSTMs trained without and with min\u2013max normalisation."}, "image": {"alt": "Two histograms on a logarithmic axis, A for luma and A for chroma, each with an outline for the LSTM and one for the LSTM with min\u2013max, which reaches from 0 to 1."}}
fig.histogram({name: maps[name] for name in ("LSTM", "LSTM, min–max")})

# %% tags=["remove-cell"]
for key, name in (("plain", "LSTM"), ("minmax", "LSTM, min–max")):
    glue(f"whole_{key}", 100 * (maps[name][0] > 0.98).mean())
    glue(f"removed_{key}", 100 * (maps[name][0] < 0.02).mean())

# %% [markdown]
# Without normalisation, {glue:text}`whole_plain:.0f` % of luma's coefficients are kept nearly whole ($A > 0.98$) and
# {glue:text}`removed_plain:.0f` % are nearly removed ($A < 0.02$). With min–max, only {glue:text}`whole_minmax:.0f` %
# are kept nearly whole and {glue:text}`removed_minmax:.0f` % nearly removed, because only the extremes of the photo lie
# at the two ends ({numref}`fig-lstm-histogram`).

# %% [markdown]
# ## In bits
#
# These are four BD-rates over the whole range of our curves, in bits of the file itself:

# %%
compared = {
    "LSTM\nagainst CNN": savings(curves[judge.CNN], curves[judge.LSTM]),
    "BiLSTM\nagainst CNN": savings(curves[judge.CNN], curves[judge.BILSTM]),
    "BiLSTM\nagainst LSTM": savings(curves[judge.LSTM], curves[judge.BILSTM]),
    "LSTM, min–max\nagainst LSTM": savings(curves[judge.LSTM], curves[judge.STRETCHED]),
}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-savings", "caption": "BD-rates with 95 % intervals over photos: bits of the first against the second, at equal quality. Left of zero the first needs fewer."}, "image": {"alt": "A row for each comparison with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
rate_distortion.savings_plot(compared)

# %% tags=["remove-input"]
tables.folded(
    "The same in numbers: per cent of bits (95 % interval)",
    *tables.saving_rows(compared),
)

# %% tags=["remove-cell"]
for name, words in findings.words(
    ("lstm", "bilstm", "order", "minmax"), compared
).items():
    glue(name, words)

# %% [markdown]
# ## Learning rates: what overshoots?
#
# "Any LR greater than 1e-6 leads to over-shooting and hence, leads to unreliable learning over steps." To test that, we
# trained the LSTM with the paper's own variables: the tables, which start between 1 and 2, times $s = 10^{-5}$. We used
# three learning rates: the paper's, and ten and a hundred times that. The LSTM's weights and the tables share the
# learning rate. The rounding and the batch size are those of our recipe, and the runs are shorter than the paper's (a
# table above has the numbers).
#
# For the tables we know beforehand what a learning rate means. Adam moves a variable by about the learning rate,
# whatever its gradient ({ref}`ch-quantisation`). The variable is $Q s$, so an entry of the table can move by the
# learning rate divided by $s$ *at each step*:

# %%
from repro.plain import adam_step

Q, s = 20.0, 1e-5
for lr in (1e-6, 1e-5, 1e-4):
    variable, _, _ = adam_step(Q * s, gradient=12_345.0, m=0.0, v=0.0, step=1, lr=lr)
    after = variable / s
    print(f"learning rate {lr:.0e}: Q goes from {Q:g} to {after:.1f} in one step")

# %% [markdown]
# The loss of a single batch is noisy, so we take means of ten rows of the log. We say that a run overshoots if it
# ends more than 5 % above its own lowest point.

# %%
import numpy as np

logs = evidence.lstm_logs()
smooth = {}
for rate, log in logs.items():
    losses = [row["loss"] for row in log]
    smooth[rate] = np.convolve(losses, np.ones(10) / 10, "valid")
    over = smooth[rate][-1] / smooth[rate].min()
    print(f"learning rate {rate:.0e}: the end is {over:.2f} times the lowest loss")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-rates", "caption": "The loss of the LSTM's training at three learning rates, on a logarithmic axis. Faint: single rows of the log. Bold: means of ten rows. A circle marks the lowest mean."}, "image": {"alt": "Three lines of the loss against the step, one for each learning rate, all from the same start. The table below has where each ends, and how far above its own lowest point."}}
fig.loss_plot(logs, smooth)

# %% tags=["hide-input"]
rows = []
for rate, log in sorted(logs.items()):
    loss, term = (
        f"{np.mean([row[key] for row in log[-10:]]):.2f}" for key in ("loss", "rate")
    )
    moves, last = f"{rate / S:g}", f"{log[-1]['step']:.0f}"
    rows.append(
        [
            judge.learning_rate(rate),
            moves,
            last,
            loss,
            term,
            f"{judge.overshoot(log):.2f}",
        ]
    )
head = [
    "learning rate",
    "a table's entry moves, a step",
    "steps",
    "loss at the end",
    "its rate term",
]
html.table(
    [*head, "end over its lowest"], rows, caption="Where each learning rate ends"
)

# %% [markdown]
# All weights share the learning rate, so an overshoot in such a run need not come from the LSTM. At the largest rate
# an entry of a table can jump by several levels in one step. At the smallest it hardly moves in a step, and the run
# spends its steps on leaving the start, where the rate term is nearly all of the loss. The fifth column shows how much
# of that term is left at the end.
#
# The paper's claim that every larger rate overshoots: **{glue:text}`claim_19`**. Longer runs at these larger rates
# might still overshoot later. {ref}`ch-steps` has runs at the paper's rate and of the paper's length; there, the steps
# are too small for an LSTM.

# %% [markdown]
# ## The claims

# %% tags=["hide-input"]
html.table(*tables.claim_rows(judged), caption=tables.CLAIMS_CAPTION)

# %% [markdown]
# A gain counts as better or worse at a rate if its whole interval lies on that side of zero.
#
# ## Summary
#
# Of the paper's claims on this page: {glue:text}`tally`. Compared with the CNN, at equal MS-SSIM the LSTM needs
# {glue:text}`lstm_ms_ssim_brief` and the BiLSTM {glue:text}`bilstm_ms_ssim_brief`; at equal LPIPS, they need
# {glue:text}`lstm_lpips_brief` and {glue:text}`bilstm_lpips_brief` ({numref}`fig-lstm-savings`).
#
# **The memory** of the trained LSTM spans {glue:text}`memory_lstm` steps, if a thousandth of the strongest influence
# counts. In a crop it {glue:text}`memory_words`. In this photo the block above is {glue:text}`cols_photo` steps back. So
# the order of reading limits what the map of a block can take into account.
#
# ## Exercises
#
# **1.** How many parameters does one LSTM have? (PyTorch keeps two bias vectors for each gate.) How many does the whole
# attention network have, for the LSTM and for the BiLSTM?
#
# ```{admonition} Solution
# :class: dropdown
# The three gates and $g$ each have a 64 × 64 matrix for $x$, another for $h$, and two biases: 4 · (2 · 64 · 64 + 2 ·
# 64) = 33,280. With one LSTM for luma and one for chroma, that makes 66,560. The BiLSTM has twice that, and 2 · (128 ·
# 64 + 64) = 16,512 for its two linear layers.
# ```
#
# **2.** How many steps does a photo of the paper's training set take (4048 × 3036 pixels)? Why can a GPU with
# thousands of cores not compute many of them at once, as it can with the blocks of a CNN?
#
# ```{admonition} Solution
# :class: dropdown
# 506 columns and 380 rows of blocks (the last row is padded) make 192,280 steps. Each step needs the state that the
# step before it leaves, so the steps have to run one after the other. Only the products within a step, and different
# photos, can be computed in parallel.
# ```
#
# **3.** Suppose that a map is multiplied by 0.9 everywhere, or has 0.05 added, before min–max normalisation. What
# changes? What does that mean for training? (To answer the first question, try `min_max(0.9 * A + 0.05)`.)
#
# ```{admonition} Solution
# :class: dropdown
# Nothing changes, because min–max undoes both. So the loss is the same along these two directions. The network cannot
# raise or lower the whole map by a factor or a constant. It can change the mean of $A$, which the rate term wants to
# be small, only by changing how the values are distributed between the two extremes.
# ```
#
# **4.** Which order of reading would serve a photo better?
#
# ```{admonition} Solution
# :class: dropdown
# One in which neighbours stay near each other. One can read back and forth (every second row from right to left), or
# along a Hilbert curve: then blocks near each other in the photo are mostly near each other in the sequence, too.
# Networks that also read down the columns go further. But only a convolution treats all neighbours alike without any
# such effort.
# ```
#
# ## What's next
#
# We now know what the networks are worth in bits. {ref}`ch-run-time` measures what they cost in time.
