"""Pictures of chains, gain reductions, consoles, fits, matches and unmixed songs, by matplotlib.

Each function returns a `matplotlib.figure.Figure` that belongs to nobody else:
`draw_chain(...).savefig("chain.png")`. matplotlib comes with `pip install 'dasp-audio[plot]'`.
"""

from dasp.pictures.chain import draw_chain
from dasp.pictures.console import draw_console
from dasp.pictures.dynamics import draw_gain_reduction
from dasp.pictures.fit import draw_fit
from dasp.pictures.match import draw_match
from dasp.pictures.unmix import draw_unmix

__all__ = [
    "draw_chain",
    "draw_console",
    "draw_fit",
    "draw_gain_reduction",
    "draw_match",
    "draw_unmix",
]
