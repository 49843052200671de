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
# JPEG rounds every block with the same table. A plain sky and a face get the same steps, though an error in one is
# seen at once and an error in the other hardly ever. A decoder cannot be told otherwise: the file has one table for
# the whole of luma. But an encoder may do something else before it rounds. It may make some coefficients *smaller*,
# so that they cost fewer bits or none. The baseline {cite:p}`struempler2020learning` has a network decide which ones.
#
# ```{admonition} What you will learn
# - what an attention map is, and what it can and cannot do to a picture
# - how VGG, ResNet and LSTM turn a photo into such a map, and how far each of them sees
# - which weights stand behind the pages of this book, and how the photo must be fed to them
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
    subprocess.run(f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py", shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`

# %% tags=["hide-input"]
import numpy as np

from bookkit import frames_slider, glue
from chapters import attention, networks, style

rgb = style.book_photo("kodim23", data_dir).rgb()

# %% [markdown]
# ## The idea: edit before you round
#
# For every block $(n, m)$ there are to be 64 numbers for luma and 64 for chroma, all between 0 and 1:
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
F, Q = 100, 16
for A in (1.0, 0.5, 0.07):
    z_hat = round(F * A / Q)
    print(f"A = {A:.2f}: the file holds {z_hat}, the decoder shows {z_hat * Q}")

# %% [markdown]
# So attention is not a finer or coarser step. It is a *pre-edit*: it fades patterns out of the photo for good, and
# then JPEG compresses the edited photo. Other work edits the pixels first {cite:p}`talebi2021preediting`; this one
# edits the coefficients. What can one do with it? Let us play the network's part, with the same $A$ for every block.

# %%
by_hand = {
    "A = 1": np.ones((8, 8)),
    "A = 0.5": np.full((8, 8), 0.5),
    "fine patterns 0.3": np.where(attention.in_band(4, 14), 0.3, 1.0),
}
edited = {name: attention.pre_edit(rgb, A, quality=30) for name, A in by_hand.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pre-edit", "caption": "One photo at quality 30 with three attention maps: 1 everywhere, one half everywhere, and 0.3 for fine patterns only."}, "image": {"alt": "Three pictures. The second has half the contrast and looks foggy. The third looks like the first, a little softer."}}
titles = [f"{name}\n{bpp:.2f} bpp" for name, (_, bpp) in edited.items()]
style.image_row([picture for picture, _ in edited.values()], titles)

# %% tags=["remove-cell"]
for key, (_, bpp) in zip(("all", "half", "fine"), edited.values(), strict=True):
    glue(f"bpp_{key}", bpp)

# %% [markdown]
# Halving everything brings the file from {glue:text}`bpp_all:.2f` to {glue:text}`bpp_half:.2f` bpp, and puts fog over
# the photo: also the means of the blocks shrink towards mid-grey ({numref}`fig-pre-edit`). Fading only fine patterns
# gives {glue:text}`bpp_fine:.2f` bpp, and one has to look twice. Where it is seen least depends on the place in the
# photo. That is the job: **find, for each block, what can fade unseen**.

# %% [markdown]
# ## A network that looks at the photo
#
# The paper takes the first layers of a network that was trained to name what is in a photo (ImageNet's thousand
# classes {cite:p}`deng2009imagenet`). Such layers, the *trunk*, know edges, textures and shapes. Each of the trunks
# halves the picture three times, so one vector of features stands for 8 × 8 pixels: exactly one block. From there it
# is a short way to 64 + 64 numbers.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-network", "caption": "Attention from a convolutional trunk (Fig. 3 of the paper)."}, "image": {"alt": "Two rows of boxes. Above: photo, trunk, 1 by 1 convolution to 128 channels, sigmoid. Below: photo, DCT, F times A, quantise. An arrow brings the map A down from the sigmoid to the multiplication."}}
networks.convolutional()

# %% [markdown]
# In {numref}`fig-attention-network`, the 1 × 1 convolution is a table of weights that turns the features of one block
# into 128 numbers, the same table for every block. The sigmoid $1 / (1 + e^{-t})$ brings them between 0 and 1. The
# paper tries three trunks:
#
# - **VGG-19** up to its third max-pool {cite:p}`simonyan2014vgg`: the baseline. We use **VGG-16** in its place where
#   VGG-19's weights cannot be had; it is the same network with one layer less before that pool.
# - **ResNet-152** up to block 1 of its third stage, conv3 {cite:p}`he2016resnet`.
# - **ResNet-152** up to block 7 of the same stage: deeper.
#
# Do the shapes fit? We do not take them from the paper; we run each network on a crop of 224 × 224 pixels, which has
# 28 × 28 blocks.

# %% tags=["nbval-check-output"] mystnb={"markdown_format": "gfm"}
style.table(attention.anatomy())

# %% [markdown]
# They do: each $A$ has two maps of 28 × 28 blocks with 8 × 8 numbers, and block 7 of ResNet-152 gives the 28 × 28
# features in 512 channels that the paper states. The last column is what has to be learned anew. The trunk can be
# trained along (the paper does so) or left **frozen** (so do we in profile `cpu`: its features of the training crops
# are then computed once and reused, which is what makes training on two cores bearable).

# %% [markdown]
# ### How far does it see?
#
# A network that decides about a block should know its surroundings. We can measure what it knows: nudge each pixel of
# the photo and see how much the map of *one* block moves. That is a gradient, and it comes for free.

# %%
crop, block = attention.middle(rgb, 224), (14, 14)
methods = {
    "VGG-16": "vgg16",
    "ResNet-152": "resnet152-block7",
    "LSTM": "lstm",
    "BiLSTM": "bilstm",
}
found = {}
for name, method in methods.items():
    found[name] = attention.reach(attention.build(method, seed), crop, *block)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reach", "caption": "Which pixels move the map of the framed block, on a scale of powers of ten. Bright is much. ResNet-152 is cut at block 7 of conv3."}, "image": {"alt": "Four dark squares. VGG-16: a small bright square around the block. ResNet: a large one. LSTM: a thin bright line to the left of the block. BiLSTM: a thin line to both sides."}}
attention.reach_maps(found, *block)

# %% tags=["remove-cell"]
for key, strength in zip(("vgg", "resnet", "lstm", "bilstm"), found.values(), strict=True):
    glue(f"reach_{key}", attention.blocks_reached(strength))

# %% [markdown]
# {numref}`fig-reach` tells more than a table of layers. VGG-16 looks at a small window of
# {glue:text}`reach_vgg` blocks around the one in question, ResNet-152 at a window of
# {glue:text}`reach_resnet`. (These are blocks that have at least a thousandth of the strongest influence.)
# The other two are the paper's recurrent networks, and they see a thin line. We come to them below.

# %% [markdown]
# ## Weights, and how to feed them
#
# A trunk is only as good as its weights. This is what this machine has, in the order in which `repro.weights` looks
# for it:

# %% tags=["hide-input"] mystnb={"markdown_format": "gfm"}
style.table(attention.weights_at_hand())

# %% [markdown]
# Every file's hash is checked before it is read. Where a network has no weights here, its pictures on this page are
# of random ones: good enough for shapes and windows, and for nothing else. `repro weights fetch vgg19` gets them
# where there is a network.
#
# There is a trap. These trunks were trained on colours from 0 to 1 **less the mean of ImageNet, over its standard
# deviation**. The baseline's program takes colours from 0 to 1 and leaves the mean in. Does a trunk mind?

# %%
vgg = attention.build("vgg16", seed)
fed = attention.responses(vgg, rgb)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-responses", "caption": "Mean response of each of VGG-16's 256 channels to the photo, fed in two ways."}, "image": {"alt": "A cloud of points, nearly all below the line of equality: fed without taking the mean off, most channels respond less, and a few more strongly."}}
attention.response_plot(fed)

# %% tags=["remove-cell"]
trained, raw = fed.values()
glue("response_trained", trained.mean())
glue("response_raw", raw.mean())
glue("response_share", 100 * raw.mean() / trained.mean())
glue("response_correlation", np.corrcoef(trained, raw)[0, 1])

# %% [markdown]
# It does. Fed the baseline's way, the channels respond with {glue:text}`response_raw:.2f` on average instead of
# {glue:text}`response_trained:.2f`, that is {glue:text}`response_share:.0f` %, and not all in the same proportion:
# the two sets of responses correlate by {glue:text}`response_correlation:.2f` only ({numref}`fig-responses`). A trunk
# that is trained along can get used to this; a frozen one cannot. We feed every trunk as it was trained.

# %% [markdown]
# ## The maps
#
# Now for a real map, of a network that was {glue:text}`map_state` (the
# weights of its trunk: {glue:text}`map_weights`).
# With 64 maps for luma and 64 for chroma there is much to see, so the slider of {numref}`fig-attention-bands` takes
# them in five bands, from the mean of the block (DC) to its finest checks. Watch which blocks stay bright as the patterns
# get finer. ({numref}`fig-resnet-bands` has the same for three trunks, all trained.)

# %%
shown = attention.network_to_show("vgg16")
A = attention.maps(shown.network, rgb)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-bands", "caption": "Attention over the photo by band of frequency. Each square is one block. Drag the slider, or use the arrow keys."}}
frames, labels, alts, captions = attention.band_slider(rgb, A)
frames_slider(frames, labels, alts, captions=captions, description="Band", start=1)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-frequency", "caption": "The same maps averaged over the photo: how much of each of the 64 patterns is let through (row $v$, column $u$)."}, "image": {"alt": "Two 8 by 8 tables of numbers between 0 and 1, luma and chroma."}}
attention.mean_by_frequency(A)

# %% tags=["remove-cell"]
glue("map_state", shown.words)
glue("map_weights", shown.network.source.split(" (sha256")[0])
glue("mean_dc", A[0, ..., 0, 0].mean())
glue("mean_high", A[0][..., attention.in_band(8, 14)].mean())
glue("contrast", attention.follows_contrast(A, rgb))

# %% [markdown]
# Luma's means are multiplied by {glue:text}`mean_dc:.2f` on average, its finer patterns (those with $u + v \ge 8$)
# by {glue:text}`mean_high:.2f` ({numref}`fig-attention-frequency`). Is it busy blocks that are kept, or plain ones? The
# correlation of $A^{(L)}$ in the low band with the contrast of the block is {glue:text}`contrast:.2f`, where +1 would
# be "the busier, the more is kept". Before training such numbers are chance: a random last layer keeps its outlines of
# things wherever the trunk sees them, and fades them as often as it keeps them. {ref}`ch-resnet` shows what training
# makes of three such maps, and {ref}`ch-first-experiment` asks whether they earn what they cost.

# %% [markdown]
# ## Reading the blocks in a row: LSTM
#
# The paper's last idea is to do without a trunk. The DCT blocks themselves are read like words of a text, from left to
# right and line by line, by an LSTM {cite:p}`hochreiter1997lstm` with 64 units: one network for luma, one for chroma.
# At each block it puts out 64 numbers, and these are the map.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recurrent-network", "caption": "Attention from a recurrent network that reads block after block (Fig. 4 of the paper)."}, "image": {"alt": "Two rows of boxes, luma and chroma: DCT blocks, in a row, LSTM with 64 units, (1 + h) / 2, the map A. The LSTM has an arrow to itself: its state goes to the next block."}}
networks.recurrent()

# %% [markdown]
# The variants: **BiLSTM** {cite:p}`schuster1997birnn` reads a second time from the end backwards, and each map may be
# stretched by **min–max** so that its smallest value is 0 and its largest 1. None of these is trained yet on this
# page, yet something can already be seen.

# %%
lstm = attention.build("lstm", seed)
stretched = attention.build("lstm", seed, minmax=True)
both_ways = attention.build("bilstm", seed)
variants = {"LSTM": lstm, "LSTM, min–max": stretched, "BiLSTM": both_ways}
recurrent = {name: attention.maps(network, rgb) for name, network in variants.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recurrent-maps", "caption": "Maps of untrained recurrent networks (mean over luma's AC coefficients), each on its own scale: from its smallest to its largest value. A mean over coefficients spans less than the maps of single ones."}, "image": {"alt": "The photo and three maps in which its shapes can be made out. They have short streaks along the rows of blocks."}}
attention.recurrent_maps(rgb, recurrent)

# %% [markdown]
# Look at the streaks along the rows in {numref}`fig-recurrent-maps`, and back at {numref}`fig-reach`. The block
# *above* is a whole row of blocks ago in the sequence. By then it has faded from memory: in this untrained LSTM only
# {glue:text}`reach_lstm` blocks still count, itself and those on its left. For a text that order is natural; for a photo
# it is not, as up and down mean as much as left and right. Training can lengthen the memory, but it has to fight for
# what a convolution has by its shape. The paper finds that its recurrent networks lose to VGG (its section 6.8), and
# here is one good reason to expect so.

# %% [markdown]
# ## What the paper leaves open
#
# | question | what we take | why |
# |---|---|---|
# | Is $A$ undone by the decoder? | no | a standard decoder cannot; the baseline's program does not |
# | Before or after the division by $Q$? | either | multiplying and dividing commute; rounding comes last |
# | "block $k$" of conv3 | the $k$-th bottleneck of torchvision's `layer2` | gives the 28 × 28 × 512 features that the paper names |
# | input of the trunk | as it was trained | see {numref}`fig-responses`; the baseline's program leaves the mean in |
# | input of the LSTM | the DCT blocks, over 128 | the section's title says "feature maps", its text says DCT blocks |
# | an LSTM's output lies in −1 … 1, $A$ in 0 … 1 | $A = (1 + h) / 2$ | the paper does not say; this keeps all of the range |
# | BiLSTM gives 128 numbers | a linear layer and a sigmoid | back to 64 |
# | one chroma network, two planes | both are read, the maps averaged | Eqs. 5 and 6 of the paper share $A^{(C)}$ |
# | min–max over what? | over each map of a photo | its smallest value becomes 0, its largest 1 |
# | start of the last layer | $A = 1/2$ in profile `paper`, near 0.88 in `cpu` | the second starts nearer to plain JPEG and trains in fewer steps |
#
# ## Summary
#
# - An attention map is a pre-edit: 64 numbers between 0 and 1 for each block, which fade coefficients before they are
#   rounded. No decoder can bring them back.
# - Even the mean of a block can fade. A careless map puts fog over the photo.
# - A trunk trained on ImageNet gives one feature vector a block; a 1 × 1 convolution and a sigmoid make the map.
# - VGG sees a small window, ResNet a large one, an LSTM a thin line of blocks before.
# - A trunk must be fed as it was trained, or it responds otherwise than it learned to.
#
# ## Exercises
#
# **1.** $A = 0.5$ everywhere gives the same whole numbers as a table twice as coarse with no attention at all. So is
# the file the same? Is the picture?
#
# ```{admonition} Solution
# :class: dropdown
# The whole numbers $\hat Z$ are the same, and so are their Huffman codes. But the file also holds the table, and the
# decoder multiplies by it. With the coarse table it brings the coefficients back to full size; with attention it
# multiplies by the fine one, and they stay at half. So attention that is the same everywhere can only lose: all that
# it saves, a coarser table saves too, and without the fog. Attention earns its keep only by being *different* from
# block to block.
# ```
#
# **2.** The table of shapes says that the head on top of VGG has 32,896 parameters. Derive the number. How many would
# there be, if chroma had a map for each of its two planes?
#
# ```{admonition} Solution
# :class: dropdown
# A 1 × 1 convolution from 256 channels to 2 · 64 has 256 · 128 weights and 128 biases: 32,768 + 128 = 32,896. With
# three maps it would be 256 · 192 + 192 = 49,344.
# ```
#
# **3.** What does the decoder show if $A$ is 1 for the mean of each block and 0 for all else? Try it:
# `A = np.zeros((8, 8)); A[0, 0] = 1`, then `attention.pre_edit(rgb, A, quality=30)`.
#
# ```{admonition} Solution
# :class: dropdown
# A mosaic of flat squares, the photo at an eighth of its resolution. Each block costs no more than the difference of its
# mean from that of the block before, and a sign that nothing else comes. It is the cheapest picture that still has every
# block's brightness and colour right, and a reminder that what the map takes out, no table brings back.
# ```
#
# ## What's next
#
# To train such a network, the loss must tell the map which way to move. But between the two stands the rounding, which
# is flat nearly everywhere and passes no gradient. {ref}`ch-quantisation` gets past it, and finds a sign error in the
# paper on the way.
