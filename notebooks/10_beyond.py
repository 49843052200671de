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
# # Beyond the paper: the idea among good neighbours
#
# The paper teaches a JPEG encoder what an eye forgives, and leaves the rest of the encoder as it was. mozjpeg and jpegli
# do the opposite: they know little of eyes and do everything else well. What is the paper's *idea* worth when everything
# else is done well, too?
#
# ```{admonition} What you will learn
# - how an encoder can know what each number will cost before it keeps it
# - what an error is worth, by where it lies and how fast it wiggles
# - what tables look like that were learned with such an encoder in the loop
# - how far all this goes against encoders in use, how long it takes, and where it loses
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
    subprocess.run(f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py", shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`
descent = 16  # steps of the descent that is shown, at most
losing = ("lpips", "ms_ssim")  # metrics in which losers are looked for
curtains = 6  # photos that are shown at equal size, at most
shown = None  # content types that are shown at equal size, at most; None: all

# %% tags=["hide-input"]
from bookkit import curtain, frames_slider, glue, html, points
from chapters import beyond as fig
from chapters import chroma, comparison, failures, style, trellis
from chapters import content_types as content_types_fig
from chapters.every_point import every_point
from chapters.findings import briefly
from chapters.jpeg import Box
from chapters.origin import sweeps_origin
from repro.data import photos
from repro.data.content_types import draw
from repro.experiments import beyond, content_types

style.use()
kodak, check = (beyond.stored(evaluation, profile) for evaluation in ("kodak", "check"))
photo = style.book_photo("kodim23", data_dir)
rgb, box = photo.rgb(), comparison.CROPS[photo.name]
quality = 30

# %% [markdown]
# ## From a rate term to real bits
#
# In training the paper has no bits. It has a stand-in for them, the sum of the tables' inverses ({eq}`eq-rate`): a coarse
# step is cheap, wherever it falls. When a file is *written*, the bits are there to be counted. A number costs its own
# bits, and a Huffman code for how many zeros stand before it; so what one number costs depends on which others are kept.
# An encoder that knows this can look for the whole numbers $z$ of a block that make
#
# $$
# J(z) = \sum_k w_k \, (F_k - Q_k z_k)^2 + \lambda \cdot \operatorname{bits}(z)
# $$ (eq-trellis)
#
# least, where $w_k$ is what an error is worth at frequency $k$, and $\lambda$, here, what a bit is. This looks like a
# search through very many combinations, but it is a shortest path: from one kept number to the next, each step with its
# price. The *trellis* finds the best path exactly {cite:p}`ramchandran1994thresholding`. No decoder has to know of it.

# %% tags=["hide-input"]
chosen = trellis.choice(rgb, quality)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-trellis-block", "caption": "A block, its numbers after rounding, and by the trellis. Framed: what became zero; dotted, where there is any: what only became smaller."}, "image": {"alt": "A block of eight by eight pixels and two grids of its numbers. Most of the ones and minus ones that rounding keeps are zero in the second grid, and framed there."}}
trellis.block_plot(chosen.block)

# %% tags=["remove-cell"]
glue("dropped", chosen.block.dropped)
glue("block_rounded", chosen.block.bits[0])
glue("block_chosen", chosen.block.bits[1])
glue("photo_saved", chosen.bits_saved)
glue("photo_zeroed", chosen.zeroed)
glue("photo_error", chosen.error_added)

# %% [markdown]
# Here {glue:text}`dropped:d` numbers became zero, and {glue:text}`block_rounded:.0f` bits became
# {glue:text}`block_chosen:.0f`. What goes first are lone ones behind long runs of zeros: dear, and worth little. Over the
# whole photo the trellis drops {glue:text}`photo_zeroed:.0f` % of the numbers and saves {glue:text}`photo_saved:.0f` % of
# the bits of luma, for {glue:text}`photo_error:.0f` % more squared error. That is no bargain yet. It becomes one when the
# bits are spent on finer tables; the comparison below says what it is worth at equal quality.

# %% [markdown]
# ## Scans: the same numbers in fewer bytes
#
# Before a number is chosen, one can ask what it will cost *where*. A JPEG file has its numbers in scans, and the standard
# leaves much open about them. Two things are to be had for nothing:
#
# - **DC of luma in a scan of its own.** DC is coded as the difference from the block before. Where chroma has half the
#   resolution, a scan of all three components takes luma's blocks two by two: every second step goes along a diagonal, to a
#   block that is further away and less alike. In a scan of its own, luma goes along rows. The usual programs do not try
#   this; no decoder minds.
# - **Blocks that end side by side share a symbol** in progressive scans. So a block with nothing in a band of frequencies is
#   nearly free, and one lone number between two empty blocks pays for breaking their row. The trellis is told so: for every
#   block it knows the best it could keep and what keeping nothing costs, and a second shortest path, from block to block,
#   decides which blocks speak at all.
#
# The first changes no pixel; any encoder could have it. It is an ablation of its own below.

# %% [markdown]
# ## Half of chroma, or all of it
#
# Most encoders halve the resolution of chroma (4:2:0), or let the user choose. But whether that pays can be reckoned: count
# what half cannot show as an error, add the bits, and compare with all of chroma and its bits. At few bits half is cheaper
# for nearly every picture. With more bits comes a quality from which what half cannot show outweighs all else that is lost.
# For small coloured letters it comes early:

# %% tags=["hide-input"]
screen = draw("screenshot")
halved = chroma.both_ways(screen, 60)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-chroma", "caption": "A part of a drawn screenshot, enlarged: as it is, with half of chroma, and with all of it in no more bytes."}, "image": {"alt": "Three times the same blue, violet and red words on white. With half of chroma their colours are pale and run into each other; with all of it they are nearly those of the original."}}
chroma.both_plot(halved, Box(64, 170, 72, 90))

# %% tags=["remove-cell"]
glue("half_mse", halved[1].values["mse"])
glue("whole_mse", halved[2].values["mse"])
for name, pixels in (("screen", screen), ("face", draw("portrait"))):
    least = chroma.changes_over(pixels)
    glue(f"{name}_from", "no quality" if least is None else f"quality {least}")

# %% [markdown]
# In squared error it is {glue:text}`whole_mse:.0f` against {glue:text}`half_mse:.0f`. Our encoder looks for itself, picture
# by picture and quality by quality. It keeps all of this picture's chroma from {glue:text}`screen_from` on, and all of a
# portrait's from {glue:text}`face_from`. Our distortion is measured in red, green and blue, which makes more of colour than
# eyes do. So all is kept only where it is cheaper by a clear margin: on tuning photos, that is where a held-out metric
# ({ref}`below <ablations>`) no longer takes the part of half. At the rates that are compared, half is nearly always right.

# %% [markdown]
# ## What an error is worth
#
# To MSE all frequencies are alike. To MS-SSIM and LPIPS they are not, and it matters, too, what goes on around a block.
# The distortion of {eq}`eq-distortion` is no sum over coefficients, but near a given picture it is close to one: half its
# second derivative is the worth of a squared error, $w_k$. Measured on training photos, and averaged:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-worth", "caption": "What an error of a luma coefficient is worth to each metric, against that metric's own mean: red more, blue less. Across: from slow to fast wiggles; down: from calm places to busy ones."}, "image": {"alt": "Three heat maps. MSE's is even. LPIPS's is red at middle frequencies and blue at the fastest. MS-SSIM's is deep red at the slowest frequencies and pale blue beyond."}}
trellis.worth_plot()

# %% tags=["remove-cell"]
for term in trellis.TERMS:
    glue(f"leaning_{term}", trellis.leaning(term))

# %% [markdown]
# An error in the slower half of the frequencies is worth {glue:text}`leaning_mse:.1f` times one in the faster half to MSE,
# {glue:text}`leaning_ms_ssim:.1f` times to MS-SSIM and {glue:text}`leaning_lpips:.1f` times to LPIPS. A mix of the three
# is what our trellis minimises. This is the paper's loss, brought down to single numbers of single blocks.

# %% [markdown]
# ## Tables learned through the trellis
#
# With rounding alone, a table has two jobs: it sets how fine a number is, and which numbers are zero. With a trellis the
# second job is taken. So tables were learned again, with the trellis in the loop: choose numbers, move each step a little
# to where the mixed error is least for those numbers, and repeat.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-trellis-tables", "caption": "Annex K's tables, and those learned through the trellis, at one quality of the scale."}, "image": {"alt": "Four grids of eight by eight steps. Annex K's grow steeply towards fast frequencies. The learned luma table is nearly flat, the learned chroma table grows gently and begins much finer."}}
trellis.tables_plot(quality)

# %% tags=["remove-cell"]
for name, value in trellis.table_words(quality).items():
    glue(name, value)

# %% [markdown]
# Annex K's luma steps at the fastest frequencies are {glue:text}`steepness_annexk:.1f` times those at the slowest; the
# learned ones {glue:text}`steepness_learned:.1f` times. The famous slope of the standard's table mostly decides what
# becomes zero. Who decides that better can do without the slope.

# %% [markdown]
# ## The descent
#
# The worth of an error above is a mean over many photos. This photo is not the mean. So we look at it: decode, take the
# gradient of the true distortion, move each number's *target* a little, and let the trellis choose again. Effort `fast`
# never looks, `default` looks once and learns its tables again before it chooses, `best` looks again and again, and half
# way its tables are learned again, too:

# %% tags=["hide-input"]
way = trellis.way(box.of(rgb), quality, descent)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-descent", "caption": "Distortion plus bits of a part of the photo, by how many steps the descent may take; the trellis alone is the line at the top."}, "image": {"alt": "A curve that falls steeply at the first step, and ever more slowly after that."}}
trellis.way_plot(way)

# %% tags=["remove-cell"]
glue("descent_gain", way.gained)
glue("descent_half", way.half)
glue("descent_steps", way.steps[-1])

# %% [markdown]
# In {glue:text}`descent_steps:d` steps the objective falls by {glue:text}`descent_gain:.1f` %; half of that is there after
# step {glue:text}`descent_half:d`.

# %% [markdown]
# (ablations)=
# ## One thing at a time
#
# Now all of it, one thing at a time, against encoders in use, on Kodak's photos. To the right is slower (mind the scale),
# down is fewer bits at equal quality:

# %% tags=["hide-input"]
seconds, how = fig.times(kodak)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ablations", "caption": "Every ablation and every peer: BD-rate against plain JPEG over seconds a photo, with 95 % intervals over photos. The grey line climbs from Annex K's tables to our best."}, "image": {"alt": "Four panels, one a metric. Markers of peers and of our rungs by time and bits; the tables below have the numbers."}}
fig.savings_against_time(kodak, seconds)

# %% tags=["remove-cell"]
glue("how_timed", how)
glue("window", "{:g}–{:g} bpp".format(*beyond.WINDOW))
for name, encoders in (("kodak", kodak), ("check", check)):
    glue(f"{name}_measured", fig.measured(encoders))
    for key, said in fig.words(encoders).items():
        glue(f"{name}_{key}", said)

# %% [markdown]
# Measured on {glue:text}`kodak_measured`. Times were taken {glue:text}`how_timed`. Bits are those of the whole file; the
# comparison is over {glue:text}`window`, photo by photo.

# %% tags=["hide-input"]
html.table(*fig.saving_rows(kodak), caption="Kodak: bits against JPEG 4:2:0, progressive, at equal quality")

# %% tags=["hide-input"]
html.table(*fig.saving_rows(check), caption="Photos on which nothing was chosen: the same")

# %% [markdown]
# (The second table is of {glue:text}`check_measured`.)

# %% [markdown]
# Each step by itself, against the ablation before it:

# %% tags=["hide-input"]
html.table(*fig.step_rows(kodak), caption="Kodak: bits against the ablation before, at equal quality")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beyond-curves", "caption": "The curves behind the comparison: means over Kodak's photos, the range of the comparison shaded."}, "image": {"alt": "Four plots of MSE, LPIPS, MS-SSIM and SSIMULACRA 2 against bits per pixel, a line for each rung and peer."}}
fig.curves_plot(kodak)

# %% [markdown]
# And the files behind those means, one by one. Choose a photo, or point at a mark: look for photos on which the order of
# the encoders is another than in the mean, and compare what the held-out metric says of them ({numref}`fig-beyond-points`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beyond-points", "caption": "Every file of Kodak's photos; the scales of MSE and LPIPS are logarithmic. Point at a mark or tap it, or step into the plot and use the arrow keys (page up and page down for another photo)."}}
every = every_point(kodak.curves, beyond.METRICS, (0.1, 0.8), fig.ABLATION_LOOKS)
points(every, caption="Means over Kodak's photos, by quality")

# %% tags=["hide-input"]
html.table(*fig.time_rows(seconds), caption="Milliseconds a photo")

# %% [markdown]
# SSIMULACRA 2 is the held-out metric here: it stands in no loss, and no table, weight or descent has learned from it. Where it
# disagrees with LPIPS and MS-SSIM, which ours did learn from, believe it.

# %% [markdown]
# ## What was asked, and what came
#
# What each effort should reach was written down before these files were made: `fast` against plain JPEG, the others
# against the better of mozjpeg and jpegli, in each metric the harder one. "Reached" goes by the mean.

# %% tags=["hide-input"]
targets = html.table(*fig.target_rows(beyond.targets(kodak)), caption="Asked and found, Kodak")
html.glue_html("targets_kodak", targets)
targets

# %% tags=["hide-input"]
targets = html.table(
    *fig.target_rows(beyond.targets(check)), caption="Asked and found, photos on which nothing was chosen"
)
html.glue_html("targets_check", targets)
targets

# %% tags=["remove-cell"]
every_target = [target for encoders in (kodak, check) for target in beyond.targets(encoders)]
glue("reached", sum(target.verdict == "reached" for target in every_target))
glue("asked", len(every_target))

# %% [markdown]
# Of {glue:text}`asked:d` numbers {glue:text}`reached:d` were reached. On Kodak, `default` against the harder peer needs
# {glue:text}`kodak_default_better_lpips` at equal LPIPS, {glue:text}`kodak_default_better_ms_ssim` at equal MS-SSIM,
# {glue:text}`kodak_default_better_mse` at equal MSE, and by SSIMULACRA 2 {glue:text}`kodak_default_better_ssimulacra2`.

# %% [markdown]
# ## What bounds them
#
# `fast` spares bits at equal MSE and MS-SSIM by far more than was asked, but not at equal LPIPS. Would it do to weigh LPIPS
# more? And what is it in the look of `default` that helps: what it says a block's errors are worth, or which way each number
# should err? Both were tried, on the photos on which nothing was chosen:

# %% tags=["hide-input"]
html.table(
    *fig.saving_rows(check, fig.ALTERNATIVES),
    caption="Bits against JPEG 4:2:0, progressive, at equal quality: two efforts, and what they could be",
)

# %% [markdown]
# Weighing LPIPS several times as much gains nothing at equal LPIPS, and MSE pays for it. A look that only reweighs blocks is
# worth little; where targets move, LPIPS falls. What it rewards is that errors lie the right way, *this* cosine a little
# up, *that* one down, and no weight can say so. It takes a gradient through a network, at a cost that `fast` does not have.
#
# And is it the tables that save, or the trellis? They were learned for each other. mozjpeg's trellis takes any tables, so
# it was given ours:

# %% tags=["hide-input"]
html.table(
    *fig.saving_rows(check, fig.HYBRIDS),
    caption="Bits against JPEG 4:2:0, progressive, at equal quality: whose trellis, and whose tables",
)

# %% tags=["remove-cell"]
for metric in beyond.METRICS:
    glue(f"hybrid_{metric}", briefly(check.saving("mozjpeg-learned", "mozjpeg-420", metric)))

# %% [markdown]
# With our tables mozjpeg needs, against itself, {glue:text}`hybrid_lpips` at equal LPIPS, {glue:text}`hybrid_ms_ssim` at
# equal MS-SSIM, {glue:text}`hybrid_mse` at equal MSE, and by SSIMULACRA 2 {glue:text}`hybrid_ssimulacra2`. Between the last
# two rows lie our trellis, which is told what errors are worth, and the scans.

# %% [markdown]
# `best` has time. But its steps pay less and less ({numref}`fig-descent`), and then MSE, LPIPS, MS-SSIM and SSIMULACRA 2 can
# only be traded for each other, by the weights of the distortion. Those of `best` were chosen on tuning photos, so that
# there no metric stood back.

# %% [markdown]
# ## Look for yourself
#
# Photos at one size: ours is the file of one quality, the others were given no fewer bytes. The curtain hangs between any
# two of them; enlarged, a pixel stays a pixel. Bits and measures are those of the whole photo. The four encoders' files
# themselves are in this page, so it is your browser that decodes them:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-flip", "caption": "The same part of a photo by two encoders at equal size. Drag the handle, or use the arrow keys; enlarged, drag the picture, too."}}
pairs = failures.by_photo(style.kodak_or_sample(data_dir), quality=20, count=curtains)
curtain(pairs.pictures, pairs.crops, start=failures.FIRST)

# %% [markdown]
# ## Where it loses
#
# Means hide losers. These are the photos on which our default does worst against mozjpeg, in LPIPS and in MS-SSIM, each
# at the place where our error exceeds mozjpeg's most:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-losses", "caption": "Original, mozjpeg and ours at equal size, on the photos on which ours does worst."}}
sets = {"kodak": (kodak, style.kodak_or_sample(data_dir)), "check": (check, photos("check", data_dir))}
worst = [loss for encoders, chosen in sets.values() for loss in failures.worst(encoders, chosen, 0.4, losing)]
gallery = failures.gallery(worst)
frames_slider(gallery.frames, gallery.labels, gallery.alts, description="Photo", captions=gallery.alts)

# %% tags=["remove-cell"]
for name, encoders in (("kodak", kodak), ("check", check)):
    for metric in beyond.METRICS:
        glue(f"{name}_lost_{metric}", fig.lost(encoders, "default", "mozjpeg-420", metric))
glue("check_lost", fig.lost_everywhere(check, "default", "mozjpeg-420"))

# %% [markdown]
# Against mozjpeg our default needs more bits on {glue:text}`kodak_lost_mse` photos of Kodak at equal MSE, on
# {glue:text}`kodak_lost_lpips` at equal LPIPS, on {glue:text}`kodak_lost_ms_ssim` at equal MS-SSIM, and on
# {glue:text}`kodak_lost_ssimulacra2` by SSIMULACRA 2. Of the photos on which nothing was chosen, in the same order, it is
# {glue:text}`check_lost`.
#
# And other content? The tables, the weights and the sensitivities have all learned from photos of one sort. So here is
# one picture for each of several content types, chosen for what they are before any was encoded; everybody can make them again, from
# what packages install or by a script. Every effort against mozjpeg, over all qualities that both reach:

# %% tags=["hide-input"]
found = content_types.stored(profile)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-content-types", "caption": "Bits of each effort against mozjpeg, by kind of picture. Right of the line mozjpeg is better. Beyond the middle the scale is logarithmic."}, "image": {"alt": "Four panels, one a metric. A row for each kind of picture with a marker for each effort, left or right of a line at zero; the table below has the numbers of the default effort."}}
content_types_fig.savings_plot(found)

# %% tags=["remove-cell"]
for key, said in content_types_fig.words(found).items():
    glue(f"content_types_{key}", said)

# %% [markdown]
# Measured on {glue:text}`content_types_measured`. **mozjpeg is better** than our `default` here:
#
# | at equal | mozjpeg needs fewer bits than our default on |
# |---|---|
# | LPIPS | {glue:text}`content_types_default_mozjpeg_lpips` |
# | MS-SSIM | {glue:text}`content_types_default_mozjpeg_ms_ssim` |
# | MSE | {glue:text}`content_types_default_mozjpeg_mse` |
# | SSIMULACRA 2 | {glue:text}`content_types_default_mozjpeg_ssimulacra2` |
#
# Of all pictures and metrics, `fast` loses {glue:text}`content_types_fast_mozjpeg` to mozjpeg, `default`
# {glue:text}`content_types_default_mozjpeg` and `best` {glue:text}`content_types_best_mozjpeg`; to the better of mozjpeg and jpegli,
# {glue:text}`content_types_fast_better`, {glue:text}`content_types_default_better` and {glue:text}`content_types_best_better`. A difference below
# {glue:text}`content_types_even` counts for neither. In every metric at once mozjpeg beats our default on
# {glue:text}`content_types_default_mozjpeg_everywhere`; the better of the two does on {glue:text}`content_types_default_better_everywhere`.

# %% tags=["hide-input"]
html.table(
    *content_types_fig.saving_rows(found),
    caption="Bits of our default against mozjpeg / against the better of mozjpeg and jpegli",
)

# %% [markdown]
# The bits per pixel are those of mozjpeg's files. Without a number: {glue:text}`content_types_without`. Where two curves share less
# than {glue:text}`content_types_shared` of the qualities, nothing is said. One picture is an example, not a mean: there are no
# intervals, and another page of text may come out otherwise. Grey pictures were given to all encoders as three equal
# channels.
#
# All of them at equal size, each where our error exceeds mozjpeg's most:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-content-types-shown", "caption": "Original, mozjpeg and ours at equal size, a part of a picture of each kind, enlarged."}}
gallery = content_types_fig.gallery(found, quality=20, count=shown)
frames_slider(gallery.frames, gallery.labels, gallery.alts, description="Content type", captions=gallery.alts)

# %% [markdown]
# Whoever measures better, small coloured letters lose their colour where chroma is halved, in mozjpeg's files and, at this
# size, in ours ({numref}`fig-chroma`). Screenshots, drawings and pages belong in PNG files. And noise has nothing that could be
# left out for free.

# %% [markdown]
# ## Limits
#
# - All but SSIMULACRA 2 are metrics that ours learned from. No person has judged these pictures.
# - Photos of one kind, small by today's measure, at low rates. At high qualities there is less to win.
# - mozjpeg and jpegli are taken as their packages come. Both have options that were not tried. Our tables could be given
#   to mozjpeg, not to jpegli, whose package takes none.
# - `best` takes its time, which another encoder could use, too: nobody has given mozjpeg a minute.
# - Part of what is won over mozjpeg and jpegli is the order of scans. Their files could have it, too; the table of the
#   climb says what it is worth to a file whose numbers are given.

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
html.table(
    [],
    list(sweeps_origin([*kodak.results, *check.results]).items()),
    caption="Where the stored results of the ablations come from",
)

# %% tags=["hide-input"]
html.table(
    [],
    list(sweeps_origin(found.encoders.results, "content-types").items()),
    caption="Where the stored results of the content types come from",
)

# %% [markdown]
#
# %% tags=["remove-cell"]
for metric in beyond.METRICS:
    glue(f"brief_{metric}", briefly(kodak.saving("default", beyond.BETTER_PEER, metric)))

# %% [markdown]
# ## Summary
#
# - Bits that can be counted should be counted: the trellis knows what each number costs.
# - What an error is worth can be measured, frequency by frequency. That is where the paper's loss enters.
# - With a trellis, good tables are nearly flat: what becomes zero is decided elsewhere.
# - A gain counts against the best encoder in use, by a held-out metric, and on photos on which nothing was chosen.
#
# ## Exercises
#
# **1.** A block has a single AC number, a one at the last place of the zigzag. Why does it cost so much, and when should
# the trellis keep it?
#
# ```{admonition} Solution
# :class: dropdown
# Before it stand 62 zeros: three codes for sixteen zeros each, then one for the rest and its size, then a bit for its
# sign. Without it a short end sign is all. Keep it where $w Q^2$, nearly the error that dropping it adds, exceeds
# $\lambda$ times those bits.
# ```
#
# **2.** With $\lambda = 0$ in {eq}`eq-trellis`, what does the trellis return? And with very large $\lambda$?
#
# ```{admonition} Solution
# :class: dropdown
# The nearest whole numbers: plain rounding. With very large $\lambda$ all AC numbers become zero, and DC changes as
# rarely as it can.
# ```
#
# **3.** Why may the descent not simply follow the gradient of LPIPS, coefficient by coefficient?
#
# ```{admonition} Solution
# :class: dropdown
# A coefficient moves in whole steps of its table. Where the photo has nothing, the gradient still points somewhere, and a
# whole step puts a cosine there that was never in the picture. Targets that move by part of a step, and a trellis that
# asks for the price, leave such places empty.
# ```
#
# ## What's next
#
# {ref}`ch-your-photo`: everything above on a photo of your own.
