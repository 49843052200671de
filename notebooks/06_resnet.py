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
# (ch-resnet)=
# # Another pair of eyes: ResNet in the place of VGG
#
# The network that decides what may fade has to *see* the photo first, and it sees through layers that were trained to
# name things. The baseline borrows them from VGG. The paper borrows them from ResNet-152, which names things better and
# is deeper, and asks: does an encoder with better eyes make better files?
#
# ```{admonition} What you will learn
# - where in ResNet-152 the two cuts of the paper lie, and how far each of them sees
# - what a *distilled* trunk is, why this page has one, and what it can and cannot tell you
# - whether ResNet and VGG differ in MSE, LPIPS and MS-SSIM at equal rate, and to the eye
# - whether ResNet gains once MS-SSIM is in the loss, as the paper says, and whether three seeds agree
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
from bookkit import frames_slider, glue, html
from chapters import attention, comparison, rate_distortion, style, tables, trained
from chapters import resnet as fig
from chapters.origin import origin
from chapters.rate_distortion import Pair
from repro.data import photos
from repro.experiments.claims import Evidence, all_claims, loss, trunks

evidence = Evidence()
curves, first = evidence.seeds("8", "10"), evidence.first("8", "10")
rgb = style.book_photo("kodim23", data_dir).rgb()
trunk = fig.trunk_of(evidence)

# %% tags=["remove-cell"]
glue("trunk", trunk)
glue("trunk_words", fig.trunk_words(trunk))

# %% [markdown]
# ## The idea: deeper, by short cuts
#
# A network of many layers is hard to train: what the first layers get to hear of the loss has passed through all the
# others. ResNet {cite:p}`he2016resnet` gives each *block* of layers a short cut. The block does not make new features
# $y$ from the old ones $x$; it makes what is to be *added* to them,
#
# $$
# y = \operatorname{ReLU}\bigl(x + \mathcal F(x)\bigr) .
# $$ (eq-residual)
#
# If $\mathcal F$ is zero, the block passes its input on, and its gradient, too. So one can stack blocks by the dozen. In
# ResNet-152, $\mathcal F$ is three convolutions: 1 × 1 to fewer channels, 3 × 3, and 1 × 1 back.
#
# The paper (section 5.2) takes its features after two of these blocks, both in the third stage, *conv3*: after block 1
# and after block 7. Is that where we have cut? "The output from *conv3_block7* is a 28 × 28 feature map with 512
# channels", says the paper, and here is what our trunks give for a crop of 224 × 224 pixels:

# %%
crop = attention.middle(rgb, 224)
x = attention.to_tensor(crop)
for method in fig.NAMES:
    features = attention.build(method, seed).features(x)
    print(f"{method}: {tuple(features.shape[1:])}")

# %% [markdown]
# Both cuts give 28 × 28 vectors, one for each 8 × 8 block of the crop, with 512 numbers where VGG has 256. So what does
# the depth change? What a vector can *know*. We find out by asking, for one block in the middle, which pixels move its
# features at all:

# %%
row = col = 14
seen = fig.fields(crop, row, col, seed)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-anatomy", "caption": "Left: the stages of ResNet-152 for a crop of 224 px, with side and channels of their features; the paper's two cuts lie in conv3, and what comes after is not used. Right: the pixels that the features of the filled block depend on, for each trunk."}, "image": {"alt": "Left: a funnel of bars from the photo over conv1 and conv2 to conv3, which two lines cross, near its top for block 1 and near its bottom for block 7; conv4 and conv5 are grey. Right: a crop of a photo with a small filled block, two small frames of about the same size around it, and a large frame for block 7."}}
fig.anatomy(crop, seen, row, col)

# %% tags=["remove-cell"]
for key, box in zip(("vgg", "block1", "block7"), seen.values(), strict=True):
    glue(f"field_{key}", box.width)
    glue(f"before_{key}", 8 * col - box.left)
    glue(f"after_{key}", box.left + box.width - 8 * (col + 1))

# %% [markdown]
# {numref}`fig-resnet-anatomy` holds two surprises. **Block 1 sees no more than VGG**: a square of
# {glue:text}`field_block1` pixels, where VGG's has {glue:text}`field_vgg`. Only block 7, with {glue:text}`field_block7`
# pixels, has a wider view. And **ResNet squints**: VGG sees {glue:text}`before_vgg` pixels to the left of its block and
# {glue:text}`after_vgg` to the right, block 1 sees {glue:text}`before_block1` and {glue:text}`after_block1`. For each
# time that it halves the picture, ResNet takes every second pixel, beginning with the first one, so its vectors stand
# for the *corners* of the 8 × 8 blocks and not for their middles. A network that names what is in a photo does not mind
# half a block. One that is to judge that very block may.

# %% [markdown]
# ## Whose eyes these are
#
# Now for the weights, without which all this is a shape. The published weights of ResNet-152, trained on ImageNet, are a
# file of torchvision's. Where the runs of this book were made, that file could not be had, and training a ResNet-152 on
# ImageNet takes many GPUs for days. So we did what one does with a teacher at hand: **distillation** {cite:p}`hinton2015distilling`. A
# ResNet-152 trunk with random weights is shown photos, and is trained until a 1 × 1
# convolution can read VGG-16's features $t_c$ from its own, $f$:
#
# $$
# \sum_{\text{block 1, block 7}} \operatorname*{mean}_{c} \; \frac{\bigl(t_c - W_c f\bigr)^2}{s_c^2} ,
# $$ (eq-distil)
#
# where $s_c^2$ is about the variance of channel $c$. The convolution $W$ is then thrown away. `repro weights distil`
# repeats this. How much of the teacher got through? We fit a linear map from ResNet's features to VGG's on a few photos,
# and see what it explains on another:

# %%
sample = [photo.rgb() for photo in photos("sample")]
known = fig.knowledge(sample, rgb, seed=seed)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-knowledge", "caption": "How much of VGG-16's features can be read off ResNet's by a linear map, on a photo that it was not fitted on: with the weights that are at hand here, and with random ones."}, "image": {"alt": "Bars in per cent for ResNet cut at block 1 and at block 7, one for the weights as used here and one for random weights, with their numbers."}}
fig.knowledge_plot(known)

# %% tags=["remove-cell"]
for name, shares in (("used", known["as used here"]), ("random", known["random"])):
    glue(f"knows_{name}_block1", round(100 * shares[0]))
    glue(f"knows_{name}_block7", round(100 * shares[1]))

# %% [markdown]
# With the weights that are used here the map explains {glue:text}`knows_used_block1` % of the variance at block 1
# and {glue:text}`knows_used_block7` % at block 7; with random weights {glue:text}`knows_random_block1` % and
# {glue:text}`knows_random_block7` % ({numref}`fig-resnet-knowledge`).
#
# ```{admonition} What a distilled trunk can tell you, and what not
# :class: important
# **{glue:text}`trunk_words`.** All that a distilled trunk knows of the world it has from its teacher. It can see farther
# than VGG-16, squint as ResNet does, and cost what ResNet costs; it can hardly know *more*. Where the paper hopes that
# "we can extract better features from ResNet", this is the part of the hope that cannot be tested with it. So if ResNet
# turns out no better here, that says something of its shape and little of its famous weights.
#
# With torchvision's file in its place (`repro weights fetch resnet152`, or a folder named in `REPRO_WEIGHTS`), the same
# command, `repro reproduce --figure 8`, takes that one, and no stored result of the other trunk is shown for it: a
# result remembers its weights. The table below says which were used.
# ```

# %% tags=["hide-input"]
eight, ten = origin("8", evidence.profile, evidence.store), origin("10", evidence.profile, evidence.store)
told = [[label, eight[label], ten[label]] for label in eight]
html.table(["", "Figs. 8 and 9", "Fig. 10"], told, caption="Where the stored results of this page come from")

# %% [markdown]
# ## What they make of a photo
#
# Three networks were trained with the same loss, crops and steps; all trunks stayed frozen. What do they let through?

# %%
without = trunks.names(0.0)  # the three curves, MS-SSIM not in the loss
networks = [trained.network_of(evidence, "8", name) for name in without]
made = [attention.maps(network, rgb) for network in networks]
maps = dict(zip(fig.NAMES.values(), made, strict=True))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-maps", "caption": "Attention for luma, averaged over all coefficients but the mean of the block, by the three trained networks; each on its own scale, from its least to its largest value. Bright is kept."}, "image": {"alt": "The photo and three maps of it, one value a block, for VGG-16 and for ResNet cut at block 1 and at block 7. The titles give the range of each map."}}
attention.recurrent_maps(rgb, maps)

# %% [markdown]
# An average over all coefficients hides that attention treats slow and fast patterns differently. {numref}`fig-resnet-bands`
# takes the maps apart, band by band, all of them on one scale. Go from left to right and watch two things: from which
# band on plain places go dark, and whether the three networks keep the same outlines.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-bands", "caption": "What the three trained networks let through of luma, by band of frequency; each square is one block. Drag the slider, or use the arrow keys."}}
named = {f"{name}\n({trunk})" if name.startswith("ResNet") else name: A for name, A in maps.items()}
frames, labels, alts, captions = attention.networks_slider(rgb, named)
frames_slider(frames, labels, alts, captions=captions, description="Band", start=2, width="34rem")

# %% tags=["hide-input"]
html.table(*trained.map_rows(maps), caption=f"The three maps in numbers (ResNet: {trunk})")

# %% [markdown]
# In {numref}`fig-resnet-maps` look first at the *ranges* in the titles. A map with a small spread over blocks treats
# all blocks much alike, and what is alike for all blocks a coarser table does as well (exercise 1 of
# {ref}`ch-attention`). The last column says whether two networks mean the same blocks.

# %% [markdown]
# ## Without MS-SSIM in the loss: Fig. 8
#
# The paper's first comparison has the baseline's loss, MSE and LPIPS. It finds that "both methods are better than the
# traditional JPEG method", that in MSE and LPIPS they are "almost identical", and that "the score of ResNet is lower
# than VGG in bpp interval [0.26, 0.31]" in MS-SSIM.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-figure-8", "caption": "Fig. 8 of the paper: standard JPEG, VGG and ResNet attention, the loss without MS-SSIM. Above in the paper's counting of bits, the range that it names shaded; below in bits of the file itself, all files sequential."}, "image": {"alt": "Six plots of MSE, LPIPS and MS-SSIM against bits per pixel, with four lines each: standard JPEG, VGG-16, and ResNet-152 cut at block 1 and at block 7. The figures below show their differences."}}
drawn = rate_distortion.two_countings(first, (loss.STANDARD, *without), shaded=(0.26, 0.31))
fig.labelled(drawn, trunk)

# %% [markdown]
# Lines this close are not to be compared by eye. At equal rate, photo by photo, as in {ref}`ch-first-experiment` (one
# seed; three come with Fig. 10):

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-gain-without", "caption": "What ResNet gains over VGG at equal rate (the paper's counting), the loss without MS-SSIM, with 95 % intervals. Above zero ResNet is better. The range in which the paper finds it lower in MS-SSIM is shaded."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for ResNet cut at block 1 and at block 7, around a line at zero."}}
vgg, *resnets = loss.paper_counted(curves, *without)
pairs = [Pair(f"{fig.NAMES[m]} against VGG-16", vgg, of, m) for m, of in zip(fig.RESNETS, resnets, strict=True)]
fig.labelled(rate_distortion.gain_plot(pairs, loss.WIDER_RATES, shaded=(0.26, 0.31)), trunk)

# %% tags=["remove-cell"]
judged = [claim for claim in all_claims(evidence) if claim.figure in ("8", "9", "10")]
for name, words in tables.claim_words(judged).items():
    glue(name, words)

# %% [markdown]
# | the paper says | here |
# |---|---|
# | VGG and ResNet are better than standard JPEG (here: in all three metrics) | {glue:text}`claim_6` |
# | alike in MSE and LPIPS (here: within 2 %) | {glue:text}`claim_7` |
# | ResNet is lower in MS-SSIM at 0.26 to 0.31 bpp | {glue:text}`claim_8` |
#
# The table at the end of this page says at which rates.

# %% [markdown]
# ## Look: Fig. 9
#
# "The compressed images show no obvious difference in raw eyes at the same bit rate", says the paper of a portrait at
# about 0.315 bpp. Each of our models has a λ and takes the bits that follow, so we take for each the λ that comes nearest
# to that rate on this very photo ({glue:text}`portrait`), in the paper's counting, and say what it came to:

# %%
photo = style.book_photo("kodim04", data_dir)
versions = trained.at_one_rate(evidence, photo, without)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-portrait", "caption": "Fig. 9 of the paper: the same part of one photo, by standard JPEG, VGG and ResNet attention, each as near to 0.315 bpp of the paper's counting as its settings come. Under each picture: bytes of the file, and what the whole photo measures."}, "image": {"alt": "Five pictures of one part of a photo: the original, standard JPEG, VGG-16 attention, and ResNet-152 attention cut at block 1 and at block 7. The table below has their numbers."}}
trained.portrait(versions, comparison.CROPS[photo.name])

# %% tags=["hide-input"]
html.table(*trained.portrait_rows(versions), caption=f"The same in numbers, of the whole photo (ResNet: {trunk})")

# %% tags=["remove-cell"]
glue("portrait", photo.name.partition(".")[0])

# %% [markdown]
# Rates differ a little from picture to picture, so let the eye allow for it: a picture that had more bits should look
# better. (ResNet's are of the {glue:text}`trunk`.) One photo is an anecdote. Over all photos, interpolated to 0.315 bpp,
# we can ask whether LPIPS, colour or block edges differ clearly. That they do not is {glue:text}`claim_9` here.

# %% [markdown]
# ## With MS-SSIM in the loss: Fig. 10
#
# Then the paper puts both of its changes together, and finds that "after adding MS-SSIM, ResNet performs better than VGG
# in the bpp interval [0.3 to 0.38]", and that the two give "a better overall performance than the two changes alone". It
# is the claim on which its conclusion hangs, so these runs were made with {glue:text}`seeds` seeds. The first seed, as the
# paper draws it:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-figure-10", "caption": "Fig. 10 of the paper: standard JPEG, VGG and ResNet attention, MS-SSIM in the loss, first seed. Above in the paper's counting of bits, the range that it names shaded; below in bits of the file itself, all files sequential."}, "image": {"alt": "Six plots of MSE, LPIPS and MS-SSIM against bits per pixel, with four lines each: standard JPEG, VGG-16, and ResNet-152 cut at block 1 and at block 7. The figures below show their differences."}}
with_it = trunks.names(1000.0)
drawn = rate_distortion.two_countings(first, (loss.STANDARD, *with_it), shaded=(0.30, 0.38))
fig.labelled(drawn, trunk)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-gain-with", "caption": "What ResNet gains over VGG at equal rate (the paper's counting), MS-SSIM in the loss, all seeds together, with 95 % intervals over photos and seeds. Above zero ResNet is better. The paper's range is shaded."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for ResNet cut at block 1 and at block 7, around a line at zero."}}
vgg, *resnets = loss.paper_counted(curves, *with_it)
pairs = [Pair(f"{fig.NAMES[m]} against VGG-16", vgg, of, m) for m, of in zip(fig.RESNETS, resnets, strict=True)]
fig.labelled(rate_distortion.gain_plot(pairs, loss.WIDER_RATES, shaded=(0.30, 0.38)), trunk)

# %% [markdown]
# Would one seed have said the same? Here is the mean over photos for each seed by itself. Where the marks of one colour
# lie on both sides of zero, a paper with one run could have found either.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-seeds", "caption": "The same gains, one mark a seed (mean over photos), at the rates of the paper's range."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel. At each rate a few marks for each cut of ResNet, one a seed, joined by a grey bar, around a line at zero."}}
fig.labelled(fig.seed_plot(pairs, trunks.BETTER_RATES), trunk)

# %% tags=["remove-cell"]
compared = trunks.comparisons(curves)
for name, words in fig.numbers(compared).items():
    glue(name, words)
glue("seeds", len(vgg))

# %% [markdown]
# | the paper says | here |
# |---|---|
# | ResNet is better than VGG at 0.30 to 0.38 bpp (here: at either depth, in all three metrics) | {glue:text}`claim_10` |
# | both changes are better than each alone (here: in MS-SSIM, and no worse in the others) | {glue:text}`claim_11` |

# %% [markdown]
# ## In bits
#
# And over the whole range of our curves, in bits of the files as they are:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-savings", "caption": "BD-rates of ResNet against VGG with 95 % intervals, over photos, and over seeds where there are several: bits at equal quality. Left of zero ResNet needs fewer."}, "image": {"alt": "A row for each depth and each loss with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
rate_distortion.savings_plot(compared)

# %% tags=["hide-input"]
html.table(
    *tables.saving_rows(compared), caption=f"The same in numbers: per cent of bits (95 % interval; ResNet: {trunk})"
)

# %% [markdown]
# ## What is judged

# %% tags=["hide-input"]
html.table(*tables.claim_rows(judged, html.badge, html.link), caption=f"The paper's claims on ResNet (here: {trunk})")

# %% [markdown]
# A rate counts as better or worse where the whole interval lies on that side of zero. Where a claim
# compares ResNet with VGG, the depth decides that comes nearer to what is claimed; better than standard JPEG, and alike
# to the eye, both of them must be. The paper's last word on ResNet, that it trains faster (its Fig. 11), is a matter of
# the clock: {ref}`ch-run-time`.
#
# ## Summary
#
# Of the paper's claims on this page: {glue:text}`tally` ({glue:text}`trunk`, {glue:text}`seeds` seeds for Fig. 10).
#
# - **Without MS-SSIM in the loss**, ResNet cut at block 1 needs against VGG {glue:text}`block1_without_mse` at equal MSE,
#   {glue:text}`block1_without_lpips` at equal LPIPS, and {glue:text}`block1_without_ms_ssim` at equal MS-SSIM. Cut at
#   block 7 it needs {glue:text}`block7_without_mse`, {glue:text}`block7_without_lpips`, and
#   {glue:text}`block7_without_ms_ssim`.
# - **With it**, block 1 needs {glue:text}`block1_with_mse`, {glue:text}`block1_with_lpips`, and
#   {glue:text}`block1_with_ms_ssim`; block 7 {glue:text}`block7_with_mse`, {glue:text}`block7_with_lpips`, and
#   {glue:text}`block7_with_ms_ssim`.
# - **The shape** matters as well as the weights: block 1 sees no farther than VGG, and both cuts look at the corner of a
#   block, not at its middle.
# - **{glue:text}`trunk_words`.** Whatever stands here of ResNet waits for its published weights to be said of ResNet-152
#   as the paper had it.
#
# ## Exercises
#
# **1.** A layer with a kernel of $k$ pixels adds $(k - 1) \cdot j$ pixels to what a feature sees, where $j$ is how many
# pixels of the photo lie between neighbours of its input. Conv1 is 7 × 7 with stride 2, the max-pool 3 × 3 with stride
# 2, conv2 has three blocks with one 3 × 3 each, and the first 3 × 3 of conv3 has stride 2. Derive the sizes of the two
# frames of {numref}`fig-resnet-anatomy`.
#
# ```{admonition} Solution
# :class: dropdown
# One pixel; conv1 adds 6 · 1 = 6, that is 7. The pool adds 2 · 2 = 4: 11. Conv2 adds three times 2 · 4: 35. The first
# block of conv3 adds 2 · 4: **43**. From there neighbours are 8 pixels apart, and each of the six blocks up to block 7
# adds 2 · 8: 43 + 96 = **139**.
# ```
#
# **2.** The head on top of ResNet is a 1 × 1 convolution from 512 channels to 128. How many parameters is that, and what
# could twice as many do besides "seeing better"?
#
# ```{admonition} Solution
# :class: dropdown
# 512 · 128 + 128 = 65,664, twice VGG's but for the biases. A larger head can fit the training crops more closely, whatever
# the features mean. To tell eyes from head one would give VGG's features as many channels (by random combinations of
# them, say), or ResNet's as few.
# ```
#
# **3.** A distilled trunk cannot know more than its teacher. Can the *encoder* with it still be better than the encoder
# with the teacher?
#
# ```{admonition} Solution
# :class: dropdown
# Yes. The head reads 512 numbers that were never asked to be VGG's features, only to contain them: what else is in them,
# from a wider view for instance, is free to be used. And what distillation lost may be just what compression does not
# need. It can only be measured, which is what this page does.
# ```
#
# ## What's next
#
# Both trunks look at the photo, and all around the block that they judge. The paper's last network does not look at the
# photo at all. It reads the blocks, one after the other: {ref}`ch-lstm`.
