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
# (ch-loss)=
# # The loss: what is worse, and what is larger
#
# Training gives exactly what the loss asks for, whether we meant it or not. So this chapter reads the paper's loss term
# by term: three measures of "worse", one of "larger", and five weights to balance them.
#
# ```{admonition} What you will learn
# - why MSE, LPIPS and MS-SSIM disagree, and where in a photo each of them would spend bits
# - how much each of the three weighs at the paper's settings
# - that the paper's rate term is not a number of bits, and how far it can be trusted
# - how to be sure that a metric is what its name says
#
# You need {ref}`ch-jpeg`, and the symbols of {ref}`ch-attention` and {ref}`ch-quantisation`.
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
from scipy.ndimage import gaussian_filter
from torch.nn import functional as nnf

from bookkit import glue, html
from chapters import comparison, style
from chapters import loss as fig
from repro import codecs, metrics
from repro import losses as package
from repro.data import photos
from repro.errors import ReproError
from repro.evaluation import paper_bpp
from repro.evaluation.measure import rgb_to_tensor
from repro.jpeg.codestream import decode
from repro.jpeg.tables import quality_tables

photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
rows, cols = (size // 16 * 16 for size in rgb.shape[:2])  # can be halved four times
rgb = rgb[:rows, :cols]
x = rgb_to_tensor(rgb, "cpu")

# %% [markdown]
# ## The whole loss
#
# Let $x$ be a photo and $\hat x$ the picture that a decoder makes from its file, both with values from 0 to 255. The
# paper minimises (its Eqs. 7–9)
#
# $$
# \mathcal{L}(x, \hat x; \theta) = \lambda\, d(x, \hat x) + r(x; \theta)
# $$ (eq-loss)
#
# $$
# d(x, \hat x) = \mathrm{MSE}(x, \hat x) + \gamma\,\mathrm{LPIPS}(x, \hat x)
#   + \sigma\,\bigl(1 - \text{MS-SSIM}(x, \hat x)\bigr)
# $$ (eq-distortion)
#
# $$
# \begin{aligned}
# r(x; \theta) &= \alpha \left( \bigl\| \bar Q_\theta^{(L)} \bigr\|_1 + \bigl\| \bar Q_\theta^{(C)} \bigr\|_1 \right) \\
#   &\quad + \beta \left( \operatorname{mean} A_\theta^{(L)}(x) + \operatorname{mean} A_\theta^{(C)}(x) \right) .
# \end{aligned}
# $$ (eq-rate)
#
# The distortion $d$ says how bad the picture is, the rate term $r$ says how much it costs, and $\lambda$ weighs the one
# against the other. Each $\lambda$ needs a model of its own, which gives one point of a curve. Here are the equations
# as code, with the paper's weights as defaults. (The measures `mse` and `ms_ssim` follow below.)


# %%
def loss(d, r, lam):
    """L = λ d + r. Eq. 7."""
    return lam * d + r


def distortion(x, x_hat, lpips, gamma=500, sigma=1000):
    """d(x, x̂) = MSE + γ LPIPS + σ (1 − MS-SSIM), the mean over the batch. Eq. 8."""
    structure = ms_ssim(x, x_hat).mean()
    return mse(x, x_hat) + gamma * lpips(x, x_hat).mean() + sigma * (1 - structure)


def rate(Q, A, alpha=10, beta=1):
    """r(x) = α Σ 1/Q + β (mean A^(L) + mean A^(C)), which stands for bits. Eq. 9."""
    return alpha * (1 / Q).sum() + beta * (A[:, 0].mean() + A[:, 1].mean())


# %% [markdown]
# Without the $\sigma$ term this is the baseline's loss {cite:p}`struempler2020learning`; the $\sigma$ term is the
# paper's first contribution. Two details need a comment. $\bar Q$ is called "regularized quantized DCT coefficients" in
# the paper. In the baseline's program it is $1/Q$, entry by entry, which makes sense: fine steps cost bits. And for
# LPIPS, section 5.1 cites a different work (number 10 in the paper's list). Section 6.3 has the right reference,
# {cite:t}`zhang2018lpips`.
#
# Let us check the rate term by hand. If every step is 2, the sum of $1/Q$ is $128 / 2 = 64$. So $r$ should be
# $10 \cdot 64$ plus the means of the two attention maps.

# %% tags=["nbval-check-output"]
Q = torch.full((2, 8, 8), 2.0)
A = torch.ones(1, 2, 4, 4, 8, 8)
A[:, 0], A[:, 1] = 0.25, 0.5  # luma, chroma
r = rate(Q, A)
print("r =", r.item())
print("with d = 100 and λ = 0.01, L =", loss(100.0, r, 0.01).item())
fast = package.rate(Q, A, package.LossWeights(lam=0.01))
print("the package's rate term agrees:", bool(r == fast))

# %% [markdown]
# ## Three ways of being wrong
#
# **MSE**, the mean squared error (Eq. 10 of the paper), compares pixel by pixel. As usual, we count the red, green and
# blue of each pixel as three values:
#
# $$
# \mathrm{MSE}(x, \hat x) = \frac{1}{|\mathcal{P}|} \sum_{p \in \mathcal{P}} (x_p - \hat x_p)^2 .
# $$ (eq-mse)


# %%
def mse(x, x_hat):
    """The mean squared error over all samples, on 0–255. Eq. 10."""
    return ((x - x_hat) ** 2).mean()


# %% [markdown]
# **MS-SSIM** {cite:p}`wang2003msssim` slides a small window over the two pictures, here called $x$ and $y$. Inside the
# window it takes the means $\mu$, the variances $\sigma^2$ and the covariance $\sigma_{xy}$. (This $\sigma$ is not the
# weight of Eq. 8.) One term, $l$, compares brightness, the other, $cs$, contrast and structure. The constants $C_1$ and
# $C_2$ avoid divisions by zero:
#
# $$
# l = \frac{2 \mu_x \mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1} , \qquad
# cs = \frac{2 \sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2} .
# $$ (eq-ssim)


# %%
def ssim_terms(x, y):
    """Luminance, and contrast with structure, at each place, (B, C, H − 10, W − 10)."""
    g = torch.exp(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2))
    window = torch.outer(g, g) / g.sum() ** 2

    def mean(v):
        planes = v.flatten(0, 1)[:, None]
        return nnf.conv2d(planes, window[None, None]).unflatten(0, v.shape[:2])[:, :, 0]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return luminance, (2 * cov + c2) / (vx + vy + c2)


# %% [markdown]
# MS-SSIM compares contrast and structure at five sizes of the picture, each half as large as the one before. It
# compares brightness at the smallest size only. Each of the five means is raised to its own power, and the results are
# multiplied. MS-SSIM lies between 0 and 1, and 1 is best.


# %%
def ms_ssim(x, y):
    """(B,) multi-scale structural similarity, 1 for equal pictures."""
    result = torch.ones(x.shape[:2])
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            x, y = nnf.avg_pool2d(x, 2), nnf.avg_pool2d(y, 2)
        luminance, structure = ssim_terms(x, y)
        term = structure * luminance if scale == 4 else structure
        result = result * term.mean((2, 3)).clamp_min(0) ** weight
    return result.mean(1)


# %% [markdown]
# **LPIPS** {cite:p}`zhang2018lpips` runs a network on both pictures (here AlexNet {cite:p}`krizhevsky2017alexnet`) and
# compares the features of five of its layers. At each place, the features are a vector of channels, which is scaled to
# length 1. The squared differences are weighted channel by channel, averaged over all places and summed over the
# layers. The weights were trained on people's judgements of pictures. The best value is 0.


# %%
def lpips(features_x, features_y, weights):
    """(B,) perceptual distance, from features (B, C, h, w) and weights (C,)."""
    total = torch.zeros(len(features_x[0]))
    for f, g, w in zip(features_x, features_y, weights, strict=True):
        f, g = (v / (v.norm(dim=1, keepdim=True) + 1e-10) for v in (f, g))
        total = total + torch.einsum("bchw,c->bhw", (f - g) ** 2, w).mean((1, 2))
    return total


# %% [markdown]
# The package loads the published network and weights. (`scaling_layer` normalises the colours, as in
# {ref}`ch-attention`.)

# %%
net = metrics.LPIPS().net
channel_weights = [layer.model[1].weight.flatten() for layer in net.lins]


def perceptual(x, y):
    """LPIPS of two pictures (B, 3, H, W) on 0–255."""
    of_x, of_y = (net.net(net.scaling_layer(v / 127.5 - 1)) for v in (x, y))
    return lpips(of_x, of_y, channel_weights)


# %% [markdown]
# For training, the package has a faster version: it computes MS-SSIM and LPIPS from the difference of the two pictures,
# with derivatives written by hand. On a photo with added noise it gives the same numbers:

# %% tags=["nbval-check-output"]
small = rgb_to_tensor(photos("sample").items[0].rgb()[:192, :192], "cpu")
noise = torch.randn(small.shape, generator=torch.manual_seed(0))
other = (small + 12 * noise).clamp(0, 255)
ours = {
    "mse": mse(small, other),
    "ms_ssim": ms_ssim(small, other),
    "lpips": perceptual(small, other),
    "d": distortion(small, other, perceptual),
}
fast = package.Distortion(package.LossWeights(lam=0.01))(small, other)
for name, value in ours.items():
    print(f"the package's {name} agrees:", np.allclose(value, fast[name], rtol=1e-3))

# %% [markdown]
# Do the three agree with each other? Let us damage one photo ({glue:text}`photo_name`) in four ways. Each time we find
# by bisection how strong the damage can be without raising the MSE above 150:


# %%
def strongest(damage, most, target=150.0):
    """The damaged photo at the largest strength whose MSE is at most the target."""
    low, high = 0.0, most
    for _ in range(24):
        middle = (low + high) / 2
        if mse(x, damage(middle)) <= target:
            low = middle
        else:
            high = middle
    return damage(low)


# %% [markdown]
# The photo is made lighter, noisy, or blurred, always in whole levels from 0 to 255, or it is saved as a JPEG file and
# decoded again:

# %%
encode = codecs.get("pillow-444").encode  # pixels and a quality → a JPEG file, 4:4:4
noise = torch.randn(x.shape, generator=torch.manual_seed(seed))


def lighter(strength):
    return (x + strength).round().clamp(0, 255)


def noisy(strength):
    return (x + strength * noise).round().clamp(0, 255)


def blurred(strength):
    y = gaussian_filter(x.numpy(), (0, 0, strength, strength))
    return torch.from_numpy(y).round()


def compressed(strength):
    return rgb_to_tensor(decode(encode(rgb, round(100 - strength))), "cpu")


# %% [markdown]
# What do the three measures say about these four pictures?

# %%
damaged = {
    "lighter": strongest(lighter, 100.0),
    "noise": strongest(noisy, 100.0),
    "blur": strongest(blurred, 20.0),
    "JPEG": strongest(compressed, 99.0),
}
with torch.no_grad():
    said = {}
    for name, y in damaged.items():
        said[name] = mse(x, y).item(), perceptual(x, y).item(), ms_ssim(x, y).item()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-equally-wrong", "caption": "Four pictures that are about equally bad by MSE. The numbers are those of the whole photo."}, "image": {"alt": "Four versions of the same part of a photo: a little lighter, noisy, blurred, and broken into blocks by JPEG, with MSE, LPIPS and MS-SSIM under each. MSE is 150 or a little less for all. LPIPS and MS-SSIM find the lighter one nearly perfect and the others bad."}}
pictures = {name: y[0].permute(1, 2, 0).byte().numpy() for name, y in damaged.items()}
fig.damage_row(pictures, said, comparison.CROPS[photo.name])

# %% tags=["remove-cell"]
glue("photo_name", photo.name.partition(".")[0])

# %% [markdown]
# The lighter picture of {numref}`fig-equally-wrong` looks nearly perfect, and LPIPS and MS-SSIM agree. Both judge the
# other three to be much worse, although their MSE is about the same.
#
# MS-SSIM can be taken apart, scale by scale. These are the factors that `ms_ssim` multiplies, before their exponents
# and to within a ten-thousandth:


# %%
def scales(x, y):
    """Contrast and structure at five scales, finest first; luminance at the last."""
    found = []
    for _ in range(5):
        luminance, structure = ssim_terms(x, y)
        found.append(structure.mean().item())
        x, y = nnf.avg_pool2d(x, 2), nnf.avg_pool2d(y, 2)
    return [*found, luminance.mean().item()]


by_scale = {name: scales(x, y) for name, y in damaged.items()}

# %% tags=["hide-input"]
sizes = [f"1/{2**scale}" if scale else "full size" for scale in range(5)]
html.table(
    ["damage", *sizes, "luminance at 1/16"],
    [[name, *(f"{value:.3f}" for value in found)] for name, found in by_scale.items()],
    caption="MS-SSIM scale by scale: contrast and structure at each size of the picture",
)

# %% [markdown]
# Noise and blur lower the factors of the finer scales. The finest scale suffers most, and more from noise than from
# blur. After a few halvings, both kinds of damage have nearly vanished. JPEG's blocks show at nearly every size. The
# lighter picture loses only a little luminance. So each measure misses something: MSE cannot tell the four pictures
# apart, and the other two hardly notice that one is too light. That is a reason to combine them {cite:p}`zhao2017loss`,
# and the paper's reason to add MS-SSIM.

# %% [markdown]
# ### Where would each of them spend bits?
#
# Training follows gradients, so let us look at them. We take the photo at quality 10. For each measure we compute the
# size of its gradient at each pixel, which says how strongly the measure asks for this pixel to change:

# %%
decoded = decode(encode(rgb, 10))
asked = {}
for name, metric in (("MSE", mse), ("LPIPS", perceptual), ("MS-SSIM", ms_ssim)):
    y = rgb_to_tensor(decoded, "cpu").requires_grad_()
    (gradient,) = torch.autograd.grad(metric(x, y).sum(), y)
    asked[name] = gradient[0].abs().sum(0).numpy()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-complaints", "caption": "A photo at quality 10, and where MSE, LPIPS and MS-SSIM ask for a change (the size of the gradient, slightly blurred, each on its own scale)."}, "image": {"alt": "The decoded photo and three heat maps. MSE is bright along strong edges and in busy texture. LPIPS is bright in other places, some of which MS-SSIM shares. MS-SSIM is bright along soft gradients and dark where the photo is busy."}}
fig.gradient_maps(decoded, asked)

# %% [markdown]
# MSE asks for change where errors are large: at hard edges and in rough texture. MS-SSIM divides by the local contrast,
# so the same error counts for more where the photo is smooth. There it marks every false contour. LPIPS asks for change
# in yet other places, some of them shared with MS-SSIM ({numref}`fig-complaints`). So if bits move from one place to
# another, one measure may gain and another lose. If the bits are already spent in the best way for one measure, the
# others can gain only at its cost. The paper claims that MS-SSIM rises "without decreasing other metrics".
# {ref}`ch-first-experiment` tests this.

# %% [markdown]
# ### How much does each term weigh?
#
# MSE is measured in squared levels and can reach hundreds, while the other two are small numbers, rarely above 1. The
# weights $\gamma = 500$ and $\sigma = 1000$ make up for that. How well? We compute the three terms of $d$ for plain
# JPEG files:

# %%
qualities = [5, 10, 20, 30, 50, 75]
rows = []
with torch.no_grad():
    for quality in qualities:
        y = rgb_to_tensor(decode(encode(rgb, quality)), "cpu")
        perceived, similar = perceptual(x, y).item(), ms_ssim(x, y).item()
        rows.append((mse(x, y).item(), 500 * perceived, 1000 * (1 - similar)))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-terms", "caption": "The three terms of $d$ for plain JPEG files of one photo, with the paper's weights."}, "image": {"alt": "Two stacked bar charts against quality. Left: the sum falls steeply with quality. Right: the shares of the three terms, none of which is small at any quality."}}
names = ("MSE", "γ · LPIPS", "σ · (1 − MS-SSIM)")
fig.term_bars(dict(zip(names, np.array(rows).T, strict=True)), qualities)

# %% tags=["remove-cell"]
at_10 = np.array(rows[qualities.index(10)])
for key, share in zip(
    ("mse", "lpips", "ms_ssim"), 100 * at_10 / at_10.sum(), strict=True
):
    glue(f"share_{key}", share)

# %% [markdown]
# At quality 10, {glue:text}`share_mse:.0f` % of $d$ is MSE, {glue:text}`share_lpips:.0f` % LPIPS with its weight and
# {glue:text}`share_ms_ssim:.0f` % MS-SSIM with its own ({numref}`fig-terms`). (These are shares of the value of $d$.
# The shares of its gradient may differ.) The paper calls its weights optimal "according to the baseline paper and our
# experiment". All we can say here is that none of the three terms is negligible.

# %% [markdown]
# ## The rate term is not the size
#
# No file is written during training. The loss contains only $r$ of {eq}`eq-rate`: the sum of $1/Q$, and the mean of the
# attention. That is a *proxy* for the size. How good is it? We take the standard's tables at several qualities and
# count the bits of real files, in the paper's way and in ours ({ref}`ch-jpeg`). Without attention the second part of
# $r$ is a constant, so we leave it out:

# %%
tried = [5, 10, 15, 20, 30, 50, 75, 90]
ones = torch.ones(1, 2, 1, 1, 8, 8)  # no attention
r, bpp, by_paper = [], [], []
for quality in tried:
    Q = quality_tables(quality)
    file = encode(rgb, quality)
    r.append(rate(torch.from_numpy(Q), ones, beta=0).item())
    bpp.append(8 * len(file) / rgb[..., 0].size)
    by_paper.append(paper_bpp(decode(file), Q))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rate-check", "caption": "Bits per pixel of real files against the tables' part of the paper's rate term, for the standard's tables at several qualities (the numbers at the points), both on logarithmic scales."}, "image": {"alt": "Two rising curves and a dotted line of proportionality. At high qualities both rise more slowly than the line. At low qualities the curve by the paper's counting is flatter than that of the file itself and lies above it."}}
fig.rate_plot(tried, *np.array([r, bpp, by_paper]))

# %% tags=["remove-cell"]
ten, fifty = tried.index(10), tried.index(50)
glue("r_ratio", r[fifty] / r[ten])
glue("bits_ratio", bpp[fifty] / bpp[ten])
glue("paper_ratio", by_paper[fifty] / by_paper[ten])

# %% [markdown]
# From quality 10 to 50 the rate term grows by a factor of {glue:text}`r_ratio:.1f`, but the file by only
# {glue:text}`bits_ratio:.1f`, and the bits as the paper counts them by {glue:text}`paper_ratio:.1f`
# ({numref}`fig-rate-check`). So within one family of tables $r$ rises and falls with the bits, though not in
# proportion.
#
# But $r$ does not depend on the photo's coefficients at all. We cut the photo into squares and save each of them with
# the same tables. These are the smallest and the largest file, headers included:

# %%
bits = []
for top in range(0, len(rgb) - 127, 128):
    for left in range(0, rgb.shape[1] - 127, 128):
        square = np.ascontiguousarray(rgb[top : top + 128, left : left + 128])
        bits.append(8 * len(encode(square, 50)) / 128**2)
print(f"r is {rate(torch.from_numpy(quality_tables(50)), ones):.1f} for both")
print(f"the files take {min(bits):.2f} and {max(bits):.2f} bits per pixel")

# %% [markdown]
# Between *different* tables $r$ can mislead, too. Judged by $r$, coarsening a step from 10 to 20 saves as much for a
# coefficient that is nearly always zero as for one that never is. A rate term that knows what Huffman codes cost does
# not make that mistake. {ref}`ch-beyond` has one.
#
# Attention makes the proxy worse still: $\operatorname{mean} A$ goes down when *any* coefficient fades, even one that
# would have been zero anyway.

# %% [markdown]
# ## Is a metric what its name says?
#
# Published curves are often hard to reproduce because two programs mean different things by the same name. For MS-SSIM
# the paper names its program, TensorFlow's `tf.image.ssim_multiscale`. Our program takes the window of `pytorch-msssim`
# and halves pictures with odd sides as TensorFlow does. The tests hold values that TensorFlow and the package `lpips`
# gave, together with the programs that made them. Our values may differ from these by no more than a ten-thousandth.
#
# Another difficulty is the range of values: 0 … 1, −1 … 1, or 0 … 255? Here every picture has values in 0 … 255. Values
# outside this range are an error. (A picture in 0 … 1 goes unnoticed, because it could be a very dark one. You have to
# scale it first.) A picture that is too small to be halved four times is an error, too:

# %% tags=["nbval-check-output"]
tiny = torch.zeros(1, 3, 160, 240)
try:
    metrics.ms_ssim(tiny, tiny)
except ReproError as error:
    print(error)

# %% [markdown]
# ## Summary
#
# - The loss is $\lambda d + r$: three measures of distortion, one proxy for the rate, five weights.
# - MSE, LPIPS and MS-SSIM see different things. With the paper's weights none of them is negligible.
# - The rate term is a proxy, not a number of bits. The bits in this book are counted in real files.
# - Tests compare the metrics with reference programs. Pictures that a metric cannot measure are an error.
#
# ## Exercises
#
# **1.** Suppose that $\lambda$ is doubled and so are $\alpha$ and $\beta$. What changes?
#
# ```{admonition} Solution
# :class: dropdown
# Only the size of the loss. It is doubled, and so are all gradients, but Adam's steps do not depend on their size.
# Where training ends depends only on the ratio of $\lambda$ to $\alpha$ and $\beta$. So one of the three may be fixed,
# as $\beta = 1$ is.
# ```
#
# **2.** With tables alone, the second part of {eq}`eq-rate` is a constant. Which entry of $Q$ does the rate term push
# harder to become coarser, one at 2 or one at 100?
#
# ```{admonition} Solution
# :class: dropdown
# The derivative of $\alpha / Q$ is $-\alpha / Q^2$: at 2 it is 2500 times as strong as at 100. A fine step is expensive
# and pushed hard, and only the distortion keeps it fine. In the form $\log Q$ the push is $\alpha / Q$: still stronger
# on the fine entry, but less so. But a weak push can win, too. Where a coefficient is nearly always rounded to zero,
# the distortion hardly pushes back, and Adam's step does not shrink with the gradient. Such entries can drift to 255.
# ```
#
# **3.** A plain grey picture of level 100 comes back as plain grey of level 110. What do MSE and MS-SSIM say, and why
# do they differ so much?
#
# ```{admonition} Solution
# :class: dropdown
# MSE is $10^2 = 100$, as bad as a strongly compressed photo. MS-SSIM is $0.9994$, nearly perfect: neither picture has
# any contrast or structure, so these agree at all five sizes. Brightness is compared only at the smallest size. There,
# with $C_1 = 2.55^2$,
#
# $$\frac{2 \cdot 100 \cdot 110 + C_1}{100^2 + 110^2 + C_1} \approx 0.995$$
#
# counts to the power of $0.1333$.
# An encoder that is trained for MS-SSIM alone may let brightness drift. That is one reason to keep MSE in the loss.
# ```
#
# ## What's next
#
# JPEG, attention, rounding, tables, loss: these are all the parts. {ref}`ch-first-experiment` puts them together,
# trains them, and measures the files.
