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
# (ch-eyes)=
# # Your eyes
#
# Every comparison in {ref}`ch-beyond` is made by formulas. Some of them were fitted to what people saw, but nobody has
# judged these files. Will you? Below are pairs of pictures. One file of each pair is ours, the other is by mozjpeg or
# jpegli, and both have nearly the same size. You learn at the end which is which.
#
# ```{admonition} What you will learn
# - why such a test must be blind, and what flicker shows that two pictures side by side hide
# - how two encoders are made to spend the same number of bytes
# - how much a handful of answers can prove
# - which metrics agree with your eyes
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
count = 20  # pairs, at most
rates = (0.5, 1.0)  # bits per pixel

# %% tags=["hide-input"]
import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest

from bookkit import eyes, glue
from chapters import eyes as fig
from chapters import style
from chapters.beyond import listed
from repro import codecs
from repro.encoder import trellis_set
from repro.encoder.images import Picture
from repro.encoder.trellis_encoder import TrellisEncoder
from repro.evaluation import match_size

# %% [markdown]
# ## Two files of equal size
#
# The same quality means something else in every encoder, so equal qualities do not make a fair pair. Equal sizes do. The
# peer's qualities are whole numbers, while ours may be any fraction. So take the peer's file whose size is nearest to the
# rate, and look for the largest of our files that is no larger. If ours is much smaller, try the peer's next quality:


# %%
def pair(rgb, peer, bpp, apart=0.005):
    """Our file and the peer's at about bpp; ours is smaller by at most ``apart``."""
    encoder, codec = TrellisEncoder(Picture(rgb), trellis_set.load()), codecs.get(peer)
    size = bpp * encoder.picture.pixels / 8
    nearest, _ = match_size(peer, rgb, size)
    for quality in sorted(range(codec.lowest, 101), key=lambda q: abs(q - nearest)):
        theirs = codec.encode(rgb, quality)
        if abs(len(theirs) / size - 1) > 0.1:
            break
        _, ours = encoder.within_bytes(len(theirs), peer)
        if len(ours) >= (1 - apart) * len(theirs):
            return ours, theirs
    raise ValueError(f"{peer} has no file near {bpp:g} bits per pixel")


# %% tags=["hide-input"]
photos = style.kodak_or_sample(data_dir)
peers = ("jpegli-420", "mozjpeg")
made = fig.pairs(photos, pair, peers, rates, count)

# %% tags=["remove-cell"]
names = dict.fromkeys(one.photo for one in made)
instead = (
    ""
    if photos.name == "kodak"
    else ", as Kodak's photos were not at hand when this page was made"
)
fewer = "" if len(made) == 20 else f" (instead of twenty{instead})"
glue("eyes_pairs", f"{len(made)} pair{'s' if len(made) > 1 else ''}{fewer}")
glue(
    "eyes_photos",
    f"{', '.join(names)}" if len(names) > 1 else f"{next(iter(names))} alone",
)
glue("eyes_rates", listed([f"{rate:g}" for rate in rates]))
glue("eyes_apart", max(100 * (1 - len(one.ours) / len(one.theirs)) for one in made))
glue("eyes_side", fig.SIDE)
glue("eyes_judges", listed(list(fig.better())))

# %% [markdown]
# This made {glue:text}`eyes_pairs`, at about {glue:text}`eyes_rates` bits per pixel. In no pair is ours the larger file, and
# in none is it smaller by more than {glue:text}`eyes_apart:.2f` %. Nobody picked what you see: the photos are spread
# evenly over the set ({glue:text}`eyes_photos`), and you see the middle of each, {glue:text}`eyes_side:d` pixels wide, so
# that it fits on a phone pixel for pixel. The page contains the files themselves, and your browser decodes them.
#
# ## How to look
#
# If you know which picture is ours, you look at it differently, even if you try not to. So this page shuffles the pairs, and
# the two pictures of each. It names none of them until you ask for the answers.
#
# **Flicker** puts one picture in the place of the other. What differs seems to move, and the eye is quick to notice
# movement. In this way it finds differences that it would never find between two pictures **side by side**. That makes
# flicker the sharper test, and side by side the one that is closer to life. Use either. Enlarging the pictures helps,
# too.
#
# Keep an eye on the **original**. The question is not which picture you like better. A smoother cheek or a sharper edge
# can please you and still be wrong. If you see no difference, or none that matters, say so: that is an answer.
#
# By keyboard: `←` and `→` show the first and the second picture, the space bar swaps them, `O` shows the original, `F` and
# `S` choose flicker or side by side, `A` swaps automatically, `+` and `−` enlarge. `1`, `2` and `0` answer. On a touch screen a
# tap swaps. Your answers stay in your browser, and nothing is sent anywhere.

# %% mystnb={"figure": {"caption": "The blind test. Without JavaScript you see only a few of the pairs, with their names.", "name": "fig-eyes"}} tags=["hide-input"]
eyes(made, fig.better())

# %% [markdown]
# ## What your answers are worth
#
# Suppose that you saw a difference in $n$ pairs and found ours nearer to the original in $k$ of them. With other pairs
# this share would have been different. Which true shares $p$ fit your answers? Leave out those that are too low, for
# which $k$ or more would be a surprise, and those that are too high. Call it a surprise if it happens less than once in
# forty times, on either side. Then the lowest $p$ that remains solves
#
# $$
# \sum_{i=k}^{n} \binom{n}{i} \, p^i (1-p)^{n-i} = \tfrac{1}{40}
# $$ (eq-clopper-pearson)
#
# and the highest is one minus the lowest that fits the other side's $n - k$. This is the exact 95 % interval of Clopper
# and Pearson {cite:p}`clopper1934limits`:


# %%
def chance(k, n, p):
    """The chance of k or more out of n, if each has the chance p."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def lowest(k, n):
    """The lowest p that fits k of n: the p at which k or more has chance 1/40."""
    return brentq(lambda p: chance(k, n, p) - 1 / 40, 0, 1) if k else 0.0


def interval(k, n):
    """Both ends of the 95 % interval of p, given k of n."""
    return lowest(k, n), 1 - lowest(n - k, n)


# %% [markdown]
# SciPy has this interval, too. We compare the two for every possible outcome of up to twenty pairs:

# %%
outcomes = [(k, n) for n in range(1, 21) for k in range(n + 1)]
theirs = [binomtest(k, n).proportion_ci(0.95, method="exact") for k, n in outcomes]
ours = [interval(k, n) for k, n in outcomes]
same = np.allclose(ours, theirs, atol=1e-6)
print("SciPy agrees:", same)

# %% [markdown]
# Twenty answers are few:

# %%
for k in (10, 13, 15, 18):
    print(f"{k} of 20: " + " to ".join(f"{p:.0%}" for p in interval(k, 20)))

# %% tags=["remove-cell"]
decided = next(k for k in range(21) if interval(k, 20)[0] > 1 / 2)
glue("eyes_decided", decided)
glue("eyes_coin", 100 * chance(decided, 20, 1 / 2))
glue("eyes_both", 200 * chance(decided, 20, 1 / 2))

# %% [markdown]
# With fewer than {glue:text}`eyes_decided:d` of twenty on either side, the interval includes one half, and a coin could have
# given your answers. That is worth knowing, too: at this size you hardly see which is better. Pairs that you could not
# tell apart are counted, but do not enter the share.
#
# The interval holds for a number of pairs that is decided beforehand. The page shows it whenever you stop. But if you
# stop because you like the result, chance has had several tries. So decide first how many pairs you will judge.
#
# Below your answers the page shows the verdicts of {glue:text}`eyes_judges` on the same pairs, and how often each agrees with
# you.
# The verdict is yours, not theirs. It holds for your eyes, your screen and your distance from it. On a phone's sharp
# screen most errors are too small to see; on a large screen they are not.
#
# ## Many readers
#
# A button below your answers saves them as a small file: for each pair what you chose, whether ours came first and how
# many seconds you took; also the size of your window and of your screen's pixels, and a random number for the session. If
# you collect such files from others, this adds them up:
#
# ```sh
# python tools/votes.py answers/*.json
# ```
#
# It prints the same two tables. The answers of one reader are alike, and so are those to one photo. So if a bootstrap
# over readers and photos gives a wider interval than the formula for independent answers, the program prints the wider
# one.
#
# ## Summary
#
# - A metric is a guess at what people see. To check it, people must look, without knowing at what.
# - Equal size makes a fair pair. Equal quality numbers do not.
# - Flicker finds more than side by side. Whether a difference matters is another question.
# - Twenty answers tell a clear winner from a coin, and no more. An interval says so by itself.
#
# ## Exercises
#
# **1.** You found ours nearer in {glue:text}`eyes_decided:d` of twenty pairs. How often does a coin do as well or better?
# And how often does it end at least as far from one half, on *either* side?
#
# ```{admonition} Solution
# :class: dropdown
# `chance(k, 20, 1/2)` is {glue:text}`eyes_coin:.1f` %, less than one in forty. By symmetry, both sides together take
# twice as much, {glue:text}`eyes_both:.1f` %. That is less than one in twenty, the most that a 95 % interval may leave
# out.
# ```
#
# **2.** If you cannot tell, why not count half a point for each side?
#
# ```{admonition} Solution
# :class: dropdown
# It would pull the share towards one half and at the same time make $n$ larger, so the interval would shrink around one half.
# Ten clear answers for ours and ten "can't tell" would look like fifteen of twenty. But they say that ours was better wherever
# there was anything to see. So the page gives both numbers, one beside the other.
# ```
#
# **3.** Fifty readers judge the same twenty pairs, and ours is found nearer in six hundred of the thousand answers. Is the
# interval for $n = 1000$ the right one?
#
# ```{admonition} Solution
# :class: dropdown
# Only if the question is about these twenty pairs, and readers do not differ in what they prefer. If twelve pairs are clear
# wins for ours and eight clear losses, every reader gives the same twenty answers, and a thousand answers say no more about
# other photos than twenty do. To speak of photos in general, draw photos (and readers) again with replacement, and take the
# spread of the share: a bootstrap over both.
# ```
#
# ## What's next
#
# {ref}`ch-your-photo` runs this encoder on a photo of your own.
