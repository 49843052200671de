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
# A photo has no first word. But a JPEG file has: it writes its blocks in a row, from left to right and line by line. The
# paper's last network does without any picture at all and *reads* these blocks, one after the other, with a memory. It
# does not do well in the paper. This chapter repeats the experiment, and looks for the reason in the memory itself.
#
# ```{admonition} What you will learn
# - how blocks become a sequence, and how far apart neighbours are in it
# - what an LSTM is, and how the paper makes attention of it (its Fig. 4)
# - what a recurrent network can and cannot know of a block's surroundings, measured on trained ones
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
    subprocess.run(f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py", shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`

# %% tags=["hide-input"]
from bookkit import glue, html
from chapters import attention, rate_distortion, style, tables, trained
from chapters import recurrent as fig
from chapters.origin import origin
from chapters.rate_distortion import Pair
from repro.experiments.claims import Evidence, all_claims, loss
from repro.experiments.claims import recurrent as judge

evidence = Evidence()
curves, first = evidence.seeds("15"), evidence.first("15")
rgb = style.book_photo("kodim23", data_dir).rgb()

# %% [markdown]
# ## The idea: blocks in a row
#
# "The image is divided into 8 × 8 blocks for DCT. These 8 × 8 DCT blocks are sequentially fed into LSTMs, one for each
# channel", says the paper (section 5.3); "the number of time steps is the total number of 8 × 8 DCT blocks present in the
# input image". With $M$ blocks in a row, block $(n, m)$ is read at step
#
# $$
# t = n M + m + 1 , \qquad x_t = \tfrac{1}{128} \operatorname{vec} F[n, m] .
# $$ (eq-sequence)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-order", "caption": "Left: the order in which the blocks are read (every eighth row is shown). Right: one block and its neighbours, with how many steps before (\u2212) or after (+) it each is read."}, "image": {"alt": "Left: a photo with arrows from left to right, one below the other, in colours from dark to light. Right: three rows of five blocks with numbers: the block to the left is one step before, the block above a whole row of steps before."}}
row, col = 14, 62
fig.reading_order(rgb, row, col)

# %% tags=["remove-cell"]
rows, cols = rgb.shape[0] // 8, rgb.shape[1] // 8
glue("steps_photo", rows * cols)
glue("cols_photo", cols)
glue("cols_crop", 224 // 8)
glue("steps_crop", (224 // 8) ** 2)

# %% [markdown]
# This photo is a text of {glue:text}`steps_photo:,d` words. In it, the block to the left was read just before. The block
# *above*, no farther away for the eye, was read {glue:text}`cols_photo` steps ago ({numref}`fig-lstm-order`). And that
# number is not even the same everywhere: training sees crops of 224 pixels, with {glue:text}`cols_crop` blocks in a row
# and {glue:text}`steps_crop` in all. **A network that has learned in training where "above" is, finds something else
# there in a photo.**

# %% [markdown]
# ## An LSTM, and attention from it
#
# A recurrent network has a state that it hands on from step to step. In an LSTM {cite:p}`hochreiter1997lstm` the state
# is two vectors, here of 64 numbers each: $c_t$ is the memory, $h_t$ what it says. Three gates, each between 0 and 1,
# decide what is forgotten, what is added, and what is said; each has weights $W$, $U$ and $b$ of its own:
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
# With 64 units "the input (8 × 8 DCT tensor) and the output from the LSTM will be of the same dimension", so $h_t$ can
# be the map of block $t$. A tanh lies in −1 … 1 and $A$ must lie in 0 … 1; the paper does not say how it gets from one
# to the other. We take
#
# $$
# \operatorname{vec} A[n, m] = \tfrac12 (1 + h_t) .
# $$ (eq-lstm-map)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-unrolled", "caption": "Fig. 4 of the paper, drawn step by step: each block's coefficients go into the LSTM and, past it, to the product with the map that it puts out. One such row for luma and another for chroma, which reads Cb and Cr. Dashed: the second direction of a BiLSTM."}, "image": {"alt": "Three columns for the blocks t \u2212 1, t and t + 1. In each an arrow goes up from the block's 64 coefficients to an LSTM of 64 units, to the map A, (1 + h) / 2, and to the product of F and A, which is then divided by Q and rounded; another arrow goes from the coefficients past the LSTM to the product. Arrows to the right join the LSTMs and carry the state. Dashed arrows to the left are a second network of a BiLSTM."}}
fig.unrolled()

# %% [markdown]
# The paper is silent on more than that. What we took, each to be doubted:
#
# | question | what we take | why |
# |---|---|---|
# | $h$ lies in −1 … 1, $A$ in 0 … 1 | $A = (1 + h)/2$ | keeps the whole range; starts near $A = 1/2$, as the baseline does |
# | two directions give 128 numbers, $A$ needs 64 | a linear layer and a sigmoid, for luma and for chroma | the least that fits |
# | "one for each channel (Luminance and Chrominance)", but chroma has two planes | Cb and Cr run through one network, their maps are averaged | Eqs. 5 and 6 share $A^{(C)}$ |
# | size of the coefficients, up to ±1024 | divided by 128 | gates would else be shut or open for good |
# | min–max over what? | over each map of a photo | "normalizing the attention map" |
# | "image feature maps" (title) or "DCT blocks" (text)? | DCT blocks | the text is more precise, and the dimensions fit |

# %% [markdown]
# ## What can it know?
#
# A convolution looks at a block's surroundings on all sides, two rows up as easily as two columns left. An LSTM knows
# **the block itself, and what it has not yet forgotten of those before**. The block to the right and the row below do not
# exist for it; the row above is as far away as the photo is wide. A BiLSTM {cite:p}`schuster1997birnn` has a second
# network that comes from the end, for "processing patches of images not only from past-to-future but also from
# future-to-past". It knows both sides of its row, and little of the rows above and below.
#
# How much is remembered can be measured. As in {ref}`ch-attention` we take the gradient of one block's map, now by the
# networks that were trained for this page, and set out all blocks in the order of reading. (A crop of 224 pixels, as in
# training; a row is {glue:text}`cols_crop` blocks long.)

# %%
networks = {}
for name, series in fig.NAMED.items():
    networks[name] = trained.network_of(evidence, "15", series)
crop, block = attention.middle(rgb, 224), (14, 14)
shown = ("CNN (VGG-16)", "LSTM", "BiLSTM")
reach = {n: attention.reach(networks[n], crop, *block) for n in shown}
found = {n: fig.memory(reach[n], *block) for n in shown}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-memory", "caption": "How strongly each block moves the map of the block at 0, by trained networks, in the order of reading; dotted lines are whole rows. The CNN's peaks away from 0 are blocks above and below."}, "image": {"alt": "Three plots on a logarithmic axis. The CNN has a narrow peak at every dotted line near zero, that is, on all sides. The LSTM has influence at zero and before it only. The BiLSTM has it on both sides."}}
fig.memory_plot(found, 224 // 8)

# %% tags=["remove-cell"]
untrained = attention.reach(attention.build("lstm", seed), crop, *block)
glue("memory_untrained", fig.remembered(*fig.memory(untrained, *block)))
glue("memory_lstm", fig.remembered(*found["LSTM"]))
glue("memory_words", fig.memory_words(fig.remembered(*found["LSTM"]), 224 // 8))
glue("memory_bilstm", fig.remembered(*found["BiLSTM"]))
for key, (_, influence) in zip(("cnn", "lstm", "bilstm"), found.values(), strict=True):
    glue(f"reached_{key}", (influence >= 1e-3).sum())

# %% [markdown]
# Before training, the farthest block that still had a thousandth of the strongest influence was
# {glue:text}`memory_untrained` steps back. After training it is {glue:text}`memory_lstm` in the LSTM and
# {glue:text}`memory_bilstm` in the BiLSTM ({numref}`fig-lstm-memory`). The LSTM's {glue:text}`memory_words`.
# In all, {glue:text}`reached_cnn` blocks count for the CNN, {glue:text}`reached_lstm` for the LSTM and
# {glue:text}`reached_bilstm` for the BiLSTM.

# %% [markdown]
# ## What they make of a photo

# %%
maps = {name: attention.maps(of, rgb) for name, of in networks.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-maps", "caption": "Attention for luma, averaged over all coefficients but the mean of the block, by the trained networks; each on its own scale, from its least to its largest value. Bright is kept."}, "image": {"alt": "The photo and three maps of it, one value a block, for CNN, LSTM and BiLSTM attention. The titles give the range of each map."}}
attention.recurrent_maps(rgb, {name: maps[name] for name in shown})

# %% tags=["hide-input"]
html.table(*trained.map_rows(maps), caption="The maps in numbers")

# %% [markdown]
# Compare the ranges in the titles, and the columns of means: a network that starts at $A = 1/2$ has to learn first to
# let things through (the CNN starts near 0.88 in this profile, {ref}`ch-attention`). What a map takes from *all* blocks,
# tables must put back by finer steps.

# %% [markdown]
# ## The runs
#
# All were trained with the same loss, crops and number of steps as the CNN, at a learning rate that was chosen for the
# LSTM on the tuning photos:

# %% tags=["hide-input"]
origins = origin("15", evidence.profile, evidence.store)
html.table([], list(origins.items()), caption="Where the stored results of this page come from")

# %% [markdown]
# ## How well do they compress? Fig. 15
#
# "LSTM and Bi-LSTM based models perform sub-optimally as compared to their CNN-only counterpart", says the paper of its
# Fig. 15, and of the lower rates: "these models still are struggling to beat the vanilla JPEG baseline".

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-figure-15", "caption": "Fig. 15 of the paper: MS-SSIM against bits per pixel for standard JPEG, CNN (VGG-16), LSTM and BiLSTM attention, and an LSTM whose map is stretched to 0\u20131 (the paper tells of that one, but does not draw it). Left in the paper's counting of bits, the range of its claims shaded; right in bits of the file itself, all files sequential."}, "image": {"alt": "Two plots of MS-SSIM against bits per pixel, with five rising lines each: standard JPEG, VGG-16, LSTM and BiLSTM attention, and LSTM with the map stretched. The figures below show their differences."}}
fig.figure_15(first)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-gain", "caption": "What LSTM and BiLSTM gain over the CNN at equal rate (the paper's counting), with 95 % intervals. Below zero the recurrent network is worse."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for LSTM and for BiLSTM, around a line at zero."}}
cnn, lstm, bilstm, stretched = loss.paper_counted(curves, *judge.FIGURE_15[1:])
pairs = [Pair("LSTM against CNN", cnn, lstm, "lstm"), Pair("BiLSTM against CNN", cnn, bilstm, "bilstm")]
rate_distortion.gain_plot(pairs, loss.PAPER_RATES, shaded=(0.25, 0.42))

# %% tags=["remove-cell"]
judged = [claim for claim in all_claims(evidence) if claim.figure == "15"]
for name, words in tables.claim_words(judged).items():
    glue(name, words)
compared = fig.comparisons(curves)
for name, words in fig.numbers(compared).items():
    glue(name, words)

# %% [markdown]
# | the paper says | here |
# |---|---|
# | both are below the CNN | {glue:text}`claim_16` |
# | at low rates they struggle to beat standard JPEG (here: are not clearly better) | {glue:text}`claim_20` |
# | MS-SSIM saturates (here: rises by less than half of what standard JPEG's does) | {glue:text}`claim_21` |
#
# The table at the end of this page says at which rates.

# %% [markdown]
# ### Does the future help?
#
# The paper adds the second direction in the hope of "better sequential information", and "unfortunately, this idea leads
# to performance lower than a single LSTM layer". Min–max normalisation was tried, too, and "resulted in further degrading
# the performance". Both against the plain LSTM:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-variants", "caption": "What a second direction, and min\u2013max normalisation, gain over the plain LSTM at equal rate (the paper's counting), with 95 % intervals. Below zero the plain LSTM is better."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for BiLSTM against LSTM and for min\u2013max against plain, around a line at zero."}}
pairs = [
    Pair("BiLSTM against LSTM", lstm, bilstm, "bilstm"),
    Pair("LSTM, min–max against LSTM", lstm, stretched, "lstm"),
]
rate_distortion.gain_plot(pairs, loss.PAPER_RATES, shaded=(0.25, 0.42))

# %% [markdown]
# | the paper says | here |
# |---|---|
# | BiLSTM is below a single LSTM | {glue:text}`claim_17` |
# | min–max is below no normalisation | {glue:text}`claim_18` |

# %% [markdown]
# ## What min–max does to a map
#
# $$
# A' = \frac{A - \min A}{\max A - \min A} , \qquad \text{both over the whole photo.}
# $$ (eq-min-max)
#
# It looks harmless, a change of scale. But look at what it promises: in *every* photo some coefficient is wiped out
# ($A' = 0$) and some other is kept whole ($A' = 1$), whatever the photo; and one odd block anywhere moves the map of all
# others. Here are the values that two trained networks give to the coefficients of our photo:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-histogram", "caption": "How often each value of A occurs on the photo (logarithmic): LSTMs trained without and with min\u2013max normalisation."}, "image": {"alt": "Two histograms on a logarithmic axis, A for luma and A for chroma, each with an outline for the LSTM and one for the LSTM with min\u2013max, which reaches from 0 to 1."}}
fig.histogram({name: maps[name] for name in ("LSTM", "LSTM, min–max")})

# %% tags=["remove-cell"]
for key, name in (("plain", "LSTM"), ("minmax", "LSTM, min–max")):
    glue(f"least_{key}", maps[name][0].min())
    glue(f"most_{key}", maps[name][0].max())
    glue(f"mean_{key}", maps[name][0].mean())

# %% [markdown]
# In luma, $A$ goes from {glue:text}`least_plain:.2f` to {glue:text}`most_plain:.2f` without normalisation, with a mean of
# {glue:text}`mean_plain:.2f`, and from {glue:text}`least_minmax:.2f` to {glue:text}`most_minmax:.2f` with it, with a mean
# of {glue:text}`mean_minmax:.2f` ({numref}`fig-lstm-histogram`).

# %% [markdown]
# ## In bits

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-savings", "caption": "BD-rates with 95 % intervals over photos: bits of the first against the second, at equal quality. Left of zero the first needs fewer."}, "image": {"alt": "A row for each comparison with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
rate_distortion.savings_plot(compared)

# %% tags=["hide-input"]
html.table(*tables.saving_rows(compared), caption="The same in numbers: per cent of bits (95 % interval)")

# %% [markdown]
# ## Learning rates: what overshoots?
#
# "Any LR greater than 1e-6 leads to over-shooting and hence, leads to unreliable learning over steps." To see that, we
# trained the LSTM with the paper's own variables, tables times $s = 10^{-5}$ that start between 1 and 2, at three
# learning rates, the paper's and ten and a hundred times as large. One rate drives everything: the LSTM's weights, and
# the tables with it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-lstm-rates", "caption": "The loss of the LSTM's training at three learning rates (logarithmic): single rows of the log faint, means of ten bold, the lowest of these circled."}, "image": {"alt": "Three lines of the loss against the step, one for each learning rate, all from the same start. The table below has where each ends, and how far above its own lowest point."}}
logs = evidence.lstm_logs()
fig.loss_plot(logs)

# %% tags=["hide-input"]
html.table(*fig.rate_rows(logs), caption="Where each learning rate ends")

# %% [markdown]
# The second column is the key to it. Divided by $s$, a learning rate is the number of levels by which Adam moves a
# table's entry *at each step* ({ref}`ch-quantisation`). A rate at which an entry jumps by several levels has
# trouble to settle on a table, whatever the LSTM does; and one at which it creeps spends its steps on getting away from
# the start, where the rate term is nearly all of the loss (the fifth column is what is left of it at the end). So an
# overshoot in such a run need not be the LSTM's.
#
# That every larger rate overshoots (here: ends more than 5 % above its own lowest point) is
# {glue:text}`claim_19` here.

# %% [markdown]
# ## What is judged

# %% tags=["hide-input"]
html.table(*tables.claim_rows(judged, html.badge, html.link), caption="The paper's claims on LSTM")

# %% [markdown]
# A rate counts as better or worse where the whole interval lies on that side of zero.
#
# ## Summary
#
# Of the paper's claims on this page: {glue:text}`tally`.
#
# - **Against the CNN**, the LSTM needs {glue:text}`lstm_mse` at equal MSE, {glue:text}`lstm_lpips` at equal LPIPS, and
#   {glue:text}`lstm_ms_ssim` at equal MS-SSIM; the BiLSTM {glue:text}`bilstm_mse`, {glue:text}`bilstm_lpips`, and
#   {glue:text}`bilstm_ms_ssim`.
# - **The second direction** takes, against a single one, {glue:text}`order_mse` at equal MSE,
#   {glue:text}`order_lpips` at equal LPIPS, and {glue:text}`order_ms_ssim` at equal MS-SSIM.
# - **Min–max normalisation** takes {glue:text}`minmax_mse`, {glue:text}`minmax_lpips`, and {glue:text}`minmax_ms_ssim`.
# - **The memory** of the trained LSTM, {glue:text}`memory_lstm` steps, {glue:text}`memory_words` in a crop and
#   {glue:text}`cols_photo` in this photo. Whatever the cell can do, it has to fight the order of reading.
#
# ## Exercises
#
# **1.** How many parameters does one of the LSTMs have (PyTorch keeps two bias vectors for each gate), and how many has
# the attention network?
#
# ```{admonition} Solution
# :class: dropdown
# Four times (three gates and $g$) a matrix 64 × 64 for $x$, one for $h$, and two biases:
# 4 · (2 · 64 · 64 + 2 · 64) = 33,280. One for luma and one for chroma: 66,560. A BiLSTM has twice that, and
# 2 · (128 · 64 + 64) = 16,512 for its two linear layers.
# ```
#
# **2.** How many steps does a photo of the paper's training set take, 4048 × 3036 pixels? Why can a GPU with thousands of
# cores not do many of them at once, as it can with the blocks of a CNN?
#
# ```{admonition} Solution
# :class: dropdown
# 506 columns and, the last one padded, 380 rows of blocks: 192,280 steps. Each needs the state that the one before it
# leaves, so they come one after the other; only the products within a step, and different photos, can go side by side.
# ```
#
# **3.** Suppose that the same map with min–max normalisation is multiplied by 0.9 everywhere, or has 0.05 added. What
# changes? What does that mean for training?
#
# ```{admonition} Solution
# :class: dropdown
# Nothing, for min–max undoes both. So the loss is the same along these two directions: the network cannot learn to let
# *more* through, or less, on average, but by changing which blocks it tells apart. The rate term asks for a small mean
# of $A$ and gets it only by that detour.
# ```
#
# **4.** Which order of reading would serve a photo better?
#
# ```{admonition} Solution
# :class: dropdown
# One in which neighbours stay near each other: back and forth (each second row from right to left), or along a Hilbert
# curve, which keeps blocks that are near each other on the photo mostly near in the sequence. Networks that run down the
# columns as well as along the rows go further. None of them gives back what a convolution has for nothing.
# ```
#
# ## What's next
#
# So much for what the networks are worth. What do they *cost*? {ref}`ch-run-time` looks at the clock.
