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
# # Another pair of eyes: ResNet in place of VGG
#
# The attention network decides which coefficients to scale down. It starts from features of the photo, computed by
# layers that were trained to recognise objects. The baseline takes these layers from VGG. The paper takes them from
# ResNet-152, which is deeper and recognises objects better. Do better features make better files?
#
# ```{admonition} What you will learn
# - where the paper cuts ResNet-152, and how many pixels the features at each of the two cuts depend on
# - what a *distilled* trunk is, why this page uses one, and what it can and cannot tell you
# - whether ResNet and VGG differ in MSE, LPIPS and MS-SSIM at equal rate, and to the eye
# - whether ResNet gains once MS-SSIM is in the loss, as the paper says, and whether several seeds agree
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
steps = 10  # of the distillation that is shown

# %% tags=["hide-input"]
from bookkit import frames_slider, glue, html
from chapters import attention, comparison, findings, rate_distortion, style, tables
from chapters import resnet as fig
from chapters.rate_distortion import Pair
from repro.data import crop_pool, photos
from repro.experiments.claims import Evidence, all_claims, counted, loss, trunks

evidence = Evidence()
curves, first = evidence.seeds("8", "10"), evidence.first("8", "10")
photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
trunk = fig.trunk_of(evidence)

# %% tags=["remove-cell"]
glue("trunk", trunk)
said = f"The runs on this page were made with {trunk}"
if trunk == "distilled trunk":
    said = "The runs on this page were made with the distilled trunk: “ResNet” means the shape of ResNet-152 with "
    said += "the knowledge of VGG-16"
glue("trunk_words", said)

# %% [markdown]
# ## Where each trunk is cut
#
# The paper (section 5.2) tries "two depths in the third conv layer", after block 1 and after block 7: "The output from
# *conv3_block7* is a 28 × 28 feature map with 512 channels". The baseline takes VGG's features "from the output of the
# third max-pooling layer that has 256 channels". Both networks are in torchvision. We first build them on PyTorch's
# device `meta`, where tensors have shapes but no values:

# %%
import torch
from torch import nn
from torchvision.models import resnet152, vgg16, vgg19

with torch.device("meta"):
    whole = {"VGG-16": vgg16(), "VGG-19": vgg19(), "ResNet-152": resnet152()}

# %% [markdown]
# A trunk is the first part of such a network. VGG is a list of layers. Its trunk ends with the third max-pool, which
# Keras calls `block3_pool`. In torchvision's ResNet the stage conv3 is called `layer2`. It is a list of eight blocks.
# We keep either the first block or the first seven.


# %%
def vgg_features(net, x):
    """Features after the third max-pool: (B, 256, H/8, W/8)."""
    is_pool = [isinstance(layer, nn.MaxPool2d) for layer in net.features]
    third = [i for i, pool in enumerate(is_pool) if pool][2]
    return net.features[: third + 1](x)


def resnet_features(net, x, blocks):
    """Features after that many blocks of conv3: (B, 512, H/8, W/8)."""
    x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    return net.layer2[:blocks](net.layer1(x))


# %% [markdown]
# For a crop of 224 × 224 pixels, the trunks give:

# %%
x = torch.zeros(1, 3, 224, 224, device="meta")
for name in ("VGG-16", "VGG-19"):
    print(f"{name}, block3_pool: {tuple(vgg_features(whole[name], x).shape[1:])}")
for blocks in (1, 7):
    features = resnet_features(whole["ResNet-152"], x, blocks)
    print(f"ResNet-152, conv3_block{blocks}: {tuple(features.shape[1:])}")

# %% [markdown]
# Every cut gives 28 × 28 vectors, one for each 8 × 8 block of the crop. VGG's have 256 numbers, ResNet's have 512. Now
# we load the weights into the parts that we keep, and compare the features with those of the package's trunks:

# %%
from functools import partial

from repro import weights
from repro.attention import build
from repro.plain import IMAGENET_MEAN, IMAGENET_STD

vgg, resnet = whole["VGG-16"].eval(), whole["ResNet-152"].eval()
vgg.load_state_dict(weights.load("vgg16").state, strict=False, assign=True)
resnet.load_state_dict(weights.load("resnet152").state, strict=False, assign=True)
cuts = {
    "vgg16": partial(vgg_features, vgg),
    "resnet152-block1": partial(resnet_features, resnet, blocks=1),
    "resnet152-block7": partial(resnet_features, resnet, blocks=7),
}

crop = attention.middle(rgb, 224)
x = attention.padded_tensor(crop)  # (1, 3, 224, 224) on 0–255
z = (x / 255 - IMAGENET_MEAN) / IMAGENET_STD
for method, features in cuts.items():
    with torch.no_grad():
        agree = torch.allclose(features(z), build(method).features(x), atol=1e-3)
    print(f"{fig.NAMES[method]}: the package's trunk agrees: {agree}")

# %% [markdown]
# ## Why ResNet can be so deep
#
# A deep network is hard to train: before the gradient reaches the first layers, it has passed through all the others.
# ResNet {cite:p}`he2016resnet` gives each *block* of layers a skip connection. Instead of computing the new features
# $y$ from the old ones $x$, the layers of a block compute what is *added* to $x$:
#
# $$
# y = \operatorname{ReLU}\bigl(x + \mathcal F(x)\bigr) .
# $$ (eq-residual)
#
# In ResNet-152, $\mathcal F$ is three convolutions, each followed by batch normalisation: 1 × 1 to fewer channels, 3 ×
# 3, and 1 × 1 back.


# %%
def residual_block(x, block):
    """y = ReLU(x + F(x))."""
    y = block.bn1(block.conv1(x)).relu()
    y = block.bn2(block.conv2(y)).relu()
    return (x + block.bn3(block.conv3(y))).relu()


# %% [markdown]
# Block 2 of conv3 does exactly this. Its input $x$ comes out of a ReLU and is never negative. So if $\mathcal F$ is
# zero, the block passes its input on unchanged, and wherever $x > 0$, it passes the gradient back unchanged, too.
# Torchvision can start a ResNet in this state: it sets the weight of the last normalisation in each block to zero.

# %%
with torch.no_grad():
    f, block = resnet_features(resnet, z, 1), resnet.layer2[1]
    same = torch.allclose(residual_block(f, block), block(f), atol=1e-5)
print("torchvision's block agrees:", same)

torch.manual_seed(seed)
# random weights, but F(x) = 0
block = resnet152(zero_init_residual=True).eval().layer2[1]
f.requires_grad_()
y = residual_block(f, block)
(gradient,) = torch.autograd.grad(y.sum(), f)
print("y = x:", torch.equal(y, f))
print("gradient 1 wherever x > 0:", bool((gradient[f > 0] == 1).all()))

# %% [markdown]
# So however many such blocks are stacked, the gradient reaches the first of them.

# %% [markdown]
# ## How far each trunk sees
#
# A deeper cut gives a larger **receptive field**: the pixels on which a feature vector depends. We measure it for one
# block in the middle of the crop: at which pixels is the gradient of that block's features not zero?


# %%
def field(features, x, row, col):
    """First and last column of pixels that reach the features of block (row, col)."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(features(x)[0, :, row, col].sum(), x)
    columns = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
    return columns[0].item(), columns[-1].item()


row = col = 14
seen = {method: field(features, z, row, col) for method, features in cuts.items()}
for method, (left, right) in seen.items():
    before, after = 8 * col - left, right - 8 * col - 7
    around = f"{before} px before the block, 8 in it, {after} after it"
    print(f"{fig.NAMES[method]}: {around}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-anatomy", "caption": "Left: the stages of ResNet-152 for a crop of 224 px, with the size and number of channels of their features. The paper's two cuts lie in conv3, and the layers after the cut are not used. Right: the receptive field of each trunk for the filled block."}, "image": {"alt": "Left: a funnel of bars from the photo through conv1 and conv2 to conv3, which two lines cross, near its top for block 1 and near its bottom for block 7; conv4 and conv5 are grey. Right: a crop of a photo with a small filled block, two small frames of about the same size around it, and a large frame for block 7."}}
fig.anatomy(crop, seen, row, col)

# %% [markdown]
# **Block 1 sees no more than VGG.** Only block 7 has a wider view ({numref}`fig-resnet-anatomy`). And **ResNet looks
# off centre.** Each time ResNet halves the picture, it keeps every second pixel, beginning with the first. So its
# vectors are centred on the upper left *corners* of the 8 × 8 blocks, not on their middles. This offset of half a block
# hardly matters for recognising objects. It may matter for a network that has to judge exactly this block.

# %% [markdown]
# ## Distillation: where the weights come from
#
# Torchvision offers weights of ResNet-152 that were trained on ImageNet. The runs of this book were made on machines
# that could not download that file, and training a ResNet-152 on ImageNet takes days on many GPUs. So we used
# **distillation** {cite:p}`hinton2015distilling`: one network, the student, learns to reproduce what another, the
# teacher, computes. The student is a ResNet-152 trunk that starts with random weights. The teacher is VGG-16. At each
# cut a 1 × 1 convolution $W$ has to predict VGG's features $t$, channel by channel, from ResNet's features $f$. The
# loss is
#
# $$
# \sum_{\text{block 1, block 7}} \operatorname*{mean}_{c} \; \frac{\bigl(t_c - W_c f\bigr)^2}{s_c^2} ,
# $$ (eq-distil)
#
# averaged over blocks and crops. Here $s_c^2$ is roughly the variance of channel $c$. So predicting nothing but each
# channel's mean would cost about 1 at each cut. One training step is:


# %%
def distillation_step(z, student, adapters, teacher, variance, adam):
    """One step on a batch ``z``; returns the loss at each depth before the step."""
    with torch.no_grad():
        wanted = vgg_features(teacher, z)
    losses = []
    for blocks, W in adapters.items():
        read = W(resnet_features(student, z, int(blocks)))
        losses.append(((wanted - read) ** 2 / variance).mean())
    adam.zero_grad()
    sum(losses).backward()
    adam.step()
    return [loss.item() for loss in losses]


# %% [markdown]
# Here are the first steps, on a few crops. Nearly every residual block begins as the identity, which makes the start of
# the training easier.

# %%
torch.manual_seed(seed)
student = resnet152(zero_init_residual=True).train()
adapters = nn.ModuleDict({"1": nn.Conv2d(512, 256, 1), "7": nn.Conv2d(512, 256, 1)})
adam = torch.optim.AdamW([*student.parameters(), *adapters.parameters()], lr=2e-3)

crops = crop_pool(photos("sample"), 4, size=64, seed=seed) / 255
crops = (crops - IMAGENET_MEAN) / IMAGENET_STD
with torch.no_grad():
    variance = vgg_features(vgg, crops).var((0, 2, 3), keepdim=True)
variance += 0.1 * variance.mean()  # some channels are nearly always 0

for step in range(steps):
    losses = distillation_step(crops, student, adapters, vgg, variance, adam)
    if step in (0, steps - 1):
        print(f"step {step + 1}: block 1 {losses[0]:.2f}, block 7 {losses[1]:.2f}")

# %% [markdown]
# The package's `Student` computes both depths in one pass. With the same weights it predicts the same features:

# %%
from repro.training.distil import Student

package = Student()
package.trunk.load_state_dict(student.state_dict(), strict=False)
for name, W in zip(("block1", "block7"), adapters.values(), strict=True):
    package.adapters[name].load_state_dict(W.state_dict())
with torch.no_grad():
    maps = package.train()(crops)
    for blocks, W in adapters.items():
        ours = W(resnet_features(student, crops, int(blocks)))
        same = torch.allclose(maps[f"block{blocks}"], ours, atol=1e-3)
        print(f"block {blocks}: the package's fast version agrees: {same}")

# %% [markdown]
# `repro weights distil` repeats the full training: two thousand steps on about as many crops. Afterwards $W$ is
# discarded, and the trunk is kept. How much has the trunk learned from its teacher? To find out, we fit a linear map
# from ResNet's features to VGG's on a few photos, by least squares with a small penalty on large weights. Then we
# compute the share of the variance that it explains on another photo.


# %%
def linear_share(x, y, x_test, y_test):
    """Share of the variance of y_test that a linear map fitted on x and y explains."""
    mean, spread = x.mean(0), x.std(0)
    spread = spread.clamp_min(0.05 * spread.mean())  # a channel may vary more in x_test
    X, X_test = ((of - mean) / spread for of in (x, x_test))
    X, X_test = (nn.functional.pad(of, (0, 1), value=1.0) for of in (X, X_test))
    penalty = 0.1 * len(x) * torch.eye(X.shape[1], dtype=x.dtype)
    W = torch.linalg.solve(X.T @ X + penalty, X.T @ y)
    error = (X_test @ W - y_test).square().sum()
    return 1 - (error / (y_test - y_test.mean(0)).square().sum()).item()


# %% [markdown]
# We check this function on data for which the answer is known. A linear map is explained completely. If noise as strong
# as the signal is added, half of the variance is explained.

# %%
torch.manual_seed(seed)
inputs, noise = torch.randn(4000, 12), torch.randn(4000, 5)
linear = inputs @ torch.randn(12, 5)
for wanted in (linear, linear + linear.std(0) * noise):
    share = linear_share(inputs[:2000], wanted[:2000], inputs[2000:], wanted[2000:])
    print(f"{share:.1f} of the variance explained")

# %% [markdown]
# Now we apply the function to our trunk and, for comparison, to a ResNet with random weights:


# %%
@torch.no_grad()
def vectors(features, pictures):
    """Features of the middles of all pictures, joined: (blocks, channels)."""
    found = []
    for rgb in pictures:
        x = attention.padded_tensor(attention.middle(rgb, 448))
        found.append(features((x / 255 - IMAGENET_MEAN) / IMAGENET_STD)[0].flatten(1).T)
    return torch.cat(found).double()


torch.manual_seed(seed)
random = resnet152().eval()
sample = [other.rgb() for other in photos("sample") if other.name != photo.name]
y, y_test = vectors(cuts["vgg16"], sample), vectors(cuts["vgg16"], [rgb])
known = {"as used here": [], "random": []}
for net, shares in zip((resnet, random), known.values(), strict=True):
    for blocks in (1, 7):
        read = partial(resnet_features, net, blocks=blocks)
        x_fit, x_test = vectors(read, sample), vectors(read, [rgb])
        shares.append(linear_share(x_fit, y, x_test, y_test))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-knowledge", "caption": "How much of VGG-16's features a linear map can read from ResNet's, on a photo that was not used to fit the map: with the weights used here, and with random ones."}, "image": {"alt": "Bars of the variance explained, in per cent, for ResNet cut at block 1 and at block 7, one for the weights as used here and one for random weights, with their numbers."}}
fig.knowledge_plot(known)

# %% tags=["remove-cell"]
for name, shares in (("used", known["as used here"]), ("random", known["random"])):
    for blocks, share in zip((1, 7), shares, strict=True):
        glue(f"knows_{name}_block{blocks}", f"{100 * share:.0f}".replace("-", "−"))

# %% [markdown]
# With the weights used here the map explains {glue:text}`knows_used_block1` % of the variance at block 1 and
# {glue:text}`knows_used_block7` % at block 7. With random weights it explains {glue:text}`knows_random_block1` % and
# {glue:text}`knows_random_block7` % ({numref}`fig-resnet-knowledge`). A share below zero means that the map predicts
# worse than the mean of the photo's features does.
#
# ```{admonition} What a distilled trunk can tell you, and what it cannot
# :class: important
# **{glue:text}`trunk_words`.** A distilled trunk learned everything from its teacher. It sees as far as a ResNet, looks
# off centre as a ResNet does, and costs what a ResNet costs. But it can hardly know *more* than VGG-16. So the paper's
# belief that "we can extract better features from ResNet" cannot be tested with such a trunk. If ResNet turns out no
# better here, that says something about its architecture, and little about its weights from ImageNet.
#
# If torchvision's file is available (through `repro weights fetch resnet152`, or in a folder named in `REPRO_WEIGHTS`),
# the command `repro reproduce --figure 8` uses it. Every result is stored with the weights that it used, so results of
# the two trunks are never mixed. The table below, which opens at a click, says which weights the stored results used.
# ```

# %% tags=["remove-input"]
eight, ten = (
    tables.origin(figure, evidence.profile, evidence.store) for figure in ("8", "10")
)
tables.folded(
    "Where the stored results of this page come from",
    ["", "Figs. 8 and 9", "Fig. 10"],
    ([label, eight[label], ten[label]] for label in eight),
)

# %% [markdown]
# ## What they make of a photo
#
# Three networks were trained with the same loss, the same crops and the same number of steps. All trunks stayed frozen.
# Eqs. 1 and 2 hold for any trunk, so the code of {ref}`ch-attention` works unchanged:

# %%
from repro.plain import convolutional_attention, forward_dct

without = trunks.names(0.0)  # three curves, MS-SSIM not in the loss
networks = {}
for method, name in zip(cuts, without, strict=True):
    network = comparison.network_of(evidence, "8", name).eval()
    networks[fig.NAMES[method]] = network
    with torch.no_grad():
        A = convolutional_attention(x, network.trunk, network.head)
        same = torch.allclose(A, network(x, forward_dct(x)), atol=1e-4)
    print(f"{fig.NAMES[method]}: the package's fast version agrees: {same}")

# %% [markdown]
# These are their maps of the whole photo:

# %%
maps = {name: attention.maps(network, rgb) for name, network in networks.items()}

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-maps", "caption": "Attention for luma by the three trained networks, averaged over all coefficients except the mean of the block. Each map has its own scale, from its smallest to its largest value. Bright is kept."}, "image": {"alt": "The photo and three maps of it, one value for each block, for VGG-16 and for ResNet cut at block 1 and at block 7. The titles give the range of each map."}}
attention.recurrent_maps(rgb, maps)

# %% [markdown]
# An average over all coefficients hides that attention treats low and high frequencies differently.
# {numref}`fig-resnet-bands` shows the maps band by band, all on one scale. Move the slider from left to right and
# watch two things: at which band the smooth areas turn dark, and whether the three networks keep the same outlines.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-bands", "caption": "How much of luma each trained network keeps, by frequency band. Each square is one block. Drag the slider, or use the arrow keys."}}
named = {
    f"{name}\n({trunk})" if name.startswith("ResNet") else name: A[0]
    for name, A in maps.items()
}
frames, labels, alts, captions = attention.band_slider(rgb, named)
frames_slider(
    frames, labels, alts, captions=captions, description="Band", start=2, width="34rem"
)

# %% tags=["hide-input"]
html.table(
    *attention.map_rows(maps), caption=f"The three maps in numbers (ResNet: {trunk})"
)

# %% [markdown]
# In {numref}`fig-resnet-maps` look first at the *ranges* in the titles. A map that hardly varies from block to block
# treats all blocks alike, and a coarser table does that just as well (exercise 1 of {ref}`ch-attention`). The last
# column of the table shows how closely each map agrees with VGG's.

# %% [markdown]
# ## Without MS-SSIM in the loss: Fig. 8
#
# The paper's first comparison uses the baseline's loss, MSE and LPIPS. It finds that "both methods are better than the
# traditional JPEG method", that they are "almost identical" in MSE and LPIPS, and that in MS-SSIM "the score of ResNet
# is lower than VGG in bpp interval [0.26, 0.31]".

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-figure-8", "caption": "Fig. 8 of the paper: standard JPEG, and VGG and ResNet attention trained without MS-SSIM in the loss. Top: bits as the paper counts them, with the range that it names shaded. Bottom: bits of the file itself, all files sequential."}, "image": {"alt": "Six plots of MSE, LPIPS and MS-SSIM against bits per pixel, with four lines each: standard JPEG, VGG-16, and ResNet-152 cut at block 1 and at block 7. The figures below show their differences."}}
drawn = rate_distortion.two_countings(
    first, (loss.STANDARD, *without), shaded=(0.26, 0.31)
)
fig.labelled(drawn, trunk)

# %% [markdown]
# Curves this close cannot be compared by eye. So we compare them photo by photo at equal rate, as in
# {ref}`ch-first-experiment`. These runs have one seed; those for the paper's Fig. 10 have {glue:text}`seeds`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-gain-without", "caption": "What ResNet gains over VGG at equal rate (the paper's counting), without MS-SSIM in the loss, with 95 % intervals. Above zero ResNet is better. The range in which the paper finds ResNet lower in MS-SSIM is shaded."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for ResNet cut at block 1 and at block 7, around a line at zero."}}
vgg_curves, *resnet_curves = (counted(curves[name], "bpp_paper") for name in without)
pairs = [
    Pair(f"{fig.NAMES[m]} against VGG-16", vgg_curves, of, m)
    for m, of in zip(fig.RESNETS, resnet_curves, strict=True)
]
fig.labelled(
    rate_distortion.gain_plot(pairs, findings.WIDER_RATES, shaded=(0.26, 0.31)), trunk
)

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
# ## To the eye: Fig. 9
#
# The paper says of a portrait at about 0.315 bpp: "The compressed images show no obvious difference in raw eyes at the
# same bit rate". Our models cannot be set to a rate: each was trained for one λ, and the rate follows from it. So for
# each network we take the λ that comes nearest to this rate on this photo ({glue:text}`portrait`), in the paper's
# counting. The titles give the rates that were reached:

# %%
portrait = style.book_photo("kodim04", data_dir, instead="astronaut.png")
versions = comparison.at_one_rate(evidence, portrait, without, figure="8")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-portrait", "caption": "Fig. 9 of the paper: the same part of one photo by standard JPEG and by VGG and ResNet attention, each as near to 0.315 bpp by the paper's counting as its settings allow. Under each picture: bytes of the file, and the metrics of the whole photo."}, "image": {"alt": "Five pictures of one part of a photo: the original, standard JPEG, VGG-16 attention, and ResNet-152 attention cut at block 1 and at block 7. The table below has their numbers."}}
comparison.closeup(versions, comparison.CROPS[portrait.name], extra=0.55)

# %% tags=["hide-input"]
html.table(
    *comparison.portrait_rows(versions),
    caption=f"Further measures of the whole photo (ResNet: {trunk})",
)

# %% tags=["remove-cell"]
glue("portrait", portrait.name.partition(".")[0])

# %% [markdown]
# The rates differ a little, and a picture that took more bits should also look better. (ResNet here:
# {glue:text}`trunk`.) One photo proves little, and we ran no viewing test. Instead, we ask whether LPIPS, colour or
# block edges (as in {ref}`ch-first-experiment`) differ clearly and by more than two per cent, over all photos,
# interpolated to 0.315 bpp. Verdict on "no obvious difference": **{glue:text}`claim_9`**.

# %% [markdown]
# ## With MS-SSIM in the loss: Fig. 10
#
# The paper then combines its two changes. It finds that "after adding MS-SSIM, ResNet performs better than VGG in the
# bpp interval [0.3 to 0.38]", and that the two give "a better overall performance than the two changes alone". The
# paper's conclusion rests on this claim, so we made these runs with {glue:text}`seeds` seeds.
# {numref}`fig-resnet-figure-10` shows the first seed:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-figure-10", "caption": "Fig. 10 of the paper: standard JPEG, and VGG and ResNet attention trained with MS-SSIM in the loss, first seed. Top: bits as the paper counts them, with the range that it names shaded. Bottom: bits of the file itself, all files sequential."}, "image": {"alt": "Six plots of MSE, LPIPS and MS-SSIM against bits per pixel, with four lines each: standard JPEG, VGG-16, and ResNet-152 cut at block 1 and at block 7. The figures below show their differences."}}
with_it = trunks.names(1000.0)
drawn = rate_distortion.two_countings(
    first, (loss.STANDARD, *with_it), shaded=(0.30, 0.38)
)
fig.labelled(drawn, trunk)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-gain-with", "caption": "What ResNet gains over VGG at equal rate (the paper's counting), with MS-SSIM in the loss, all seeds together, and 95 % intervals over photos and seeds. Above zero ResNet is better. The paper's range is shaded."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel, each with a line and a band for ResNet cut at block 1 and at block 7, around a line at zero."}}
vgg_curves, *resnet_curves = (counted(curves[name], "bpp_paper") for name in with_it)
pairs = [
    Pair(f"{fig.NAMES[m]} against VGG-16", vgg_curves, of, m)
    for m, of in zip(fig.RESNETS, resnet_curves, strict=True)
]
fig.labelled(
    rate_distortion.gain_plot(pairs, findings.WIDER_RATES, shaded=(0.30, 0.38)), trunk
)

# %% [markdown]
# Would one seed alone have given the same answer? For each seed separately we take the mean of the paired differences
# over the photos. Lower MSE and LPIPS are gains, so the sign of their differences is reversed.

# %%
from repro.evaluation import gain_at_rate

gains = {}
for pair in pairs:
    for metric in ("mse", "lpips", "ms_ssim"):
        for bpp in trunks.BETTER_RATES:
            found = gain_at_rate(pair.anchor, pair.test, bpp, metric)
            gains[pair.label, metric, bpp] = found.per_seed

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-seeds", "caption": "The same gains, with one mark for each seed (mean over the photos), at rates in the paper's range."}, "image": {"alt": "Three plots, MSE saved, LPIPS saved and MS-SSIM gained, against bits per pixel. At each rate a few marks for each cut of ResNet, one for each seed, joined by a grey bar, around a line at zero."}}
fig.labelled(fig.seed_plot(gains, pairs), trunk)

# %% [markdown]
# Where the marks of one colour lie on both sides of zero, a study with a single run could have found either result.

# %% tags=["remove-cell"]
compared = findings.compare(curves, findings.RESNETS)
glue(
    "largest_saving",
    max(abs(b.mean) for row in compared.values() for b in row.values()),
)
glue("seeds", len(vgg_curves))

# %% [markdown]
# | the paper says | here |
# |---|---|
# | ResNet is better than VGG at 0.30 to 0.38 bpp (here: at either depth, in all three metrics) | {glue:text}`claim_10` |
# | both changes are better than each alone (here: in MS-SSIM, and no worse in the others) | {glue:text}`claim_11` |

# %% [markdown]
# ## In bits
#
# These are the BD-rates over the whole range of our curves, in bits of the file itself:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-resnet-savings", "caption": "BD-rates of ResNet against VGG with 95 % intervals, over photos, and over seeds where there are several: bits at equal quality. Left of zero ResNet needs fewer."}, "image": {"alt": "A row for each depth and each loss with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
rate_distortion.savings_plot(compared)

# %% tags=["remove-input"]
tables.folded(
    f"The same in numbers: per cent of bits (95 % interval; ResNet: {trunk})",
    *tables.saving_rows(compared),
)

# %% [markdown]
# ## The claims

# %% tags=["hide-input"]
html.table(
    *tables.claim_rows(judged),
    caption=f"ResNet here: {trunk}. {tables.CLAIMS_CAPTION}",
)

# %% [markdown]
# "Better" or "worse" at a rate means that the whole interval of the difference lies on that side of zero. If a claim
# compares ResNet with VGG, we count the depth that comes nearer to the claim. "Better than standard JPEG" and "no
# obvious difference" have to hold at both depths. The paper's last claim about ResNet is that it trains faster (its
# Fig. 11). {ref}`ch-run-time` judges it.
#
# ## Summary
#
# Of the paper's claims on this page: {glue:text}`tally` ({glue:text}`trunk`, {glue:text}`seeds` seeds for Fig. 10).
#
# - **In bits, ResNet and VGG are nearly alike.** At either cut, with either loss and in each metric, they differ by at
#   most {glue:text}`largest_saving:.1f` % ({numref}`fig-resnet-savings`).
# - **The receptive fields differ**, and not only the weights. Block 1 sees no farther than VGG, but block 7 does, and
#   both are centred on the corner of a block, not on its middle.
# - **{glue:text}`trunk_words`.** The paper used the published weights of ResNet-152, about which these results say
#   nothing.
#
# ## Exercises
#
# **1.** A layer with a $k \times k$ kernel adds $(k - 1) \cdot j$ pixels to the width of the receptive field, where $j$
# is the distance between neighbouring inputs, in pixels of the photo. Conv1 is 7 × 7 with stride 2, and the max-pool 3
# × 3 with stride 2. Conv2 has three blocks and conv3 eight. Each block has one 3 × 3 convolution; the one in the first
# block of conv3 has stride 2. Derive the sizes of ResNet's two frames in {numref}`fig-resnet-anatomy`.
#
# ```{admonition} Solution
# :class: dropdown
# We start from one pixel. Conv1 adds 6 · 1 = 6, which makes 7. The pool adds 2 · 2 = 4, which makes 11. Conv2 adds
# three times 2 · 4, which makes 35. The first block of conv3 adds 2 · 4, which makes **43**. From there on, neighbours
# are 8 pixels apart, and each of the six blocks up to block 7 adds 2 · 8: 43 + 96 = **139**.
# ```
#
# **2.** The head on top of ResNet is a 1 × 1 convolution from 512 channels to 128. How many parameters does it have?
# That is about twice as many as on top of VGG. How could this alone help, without better features?
#
# ```{admonition} Solution
# :class: dropdown
# 512 · 128 + 128 = 65,664. A larger head can fit the training crops more closely, whatever the features mean. To
# separate the effects of trunk and head, give both heads equally many inputs: extend VGG's features to 512 channels
# (by random nonlinear combinations, say), or reduce ResNet's to 256.
# ```
#
# **3.** A distilled trunk can hardly know more than its teacher. Can an *encoder* that uses it still be better than one
# that uses the teacher?
#
# ```{admonition} Solution
# :class: dropdown
# Yes. The head reads 512 numbers. They were trained to contain VGG's features, but may contain more, for instance from
# a wider view, and the head can use that. And what was lost in the distillation may not be needed for compression. Only
# a measurement can tell, as on this page.
# ```
#
# ## What's next
#
# Both trunks compute features from a block and its surroundings on all sides. The paper's last network uses no such
# features, but reads the blocks one after the other: {ref}`ch-lstm`.
