"""Where a processor's gradient comes from: each way is a transform, `Processor -> Processor`."""

from dasp.grad.external import external
from dasp.grad.external_plugin import external_plugin
from dasp.grad.finite_difference import finite_difference
from dasp.grad.mode import GRADIENTS, with_gradient
from dasp.grad.proxy import load_proxy, proxy, save_proxy
from dasp.grad.spsa import spsa
from dasp.grad.tcn import TCN

__all__ = [
    "GRADIENTS",
    "TCN",
    "external",
    "external_plugin",
    "finite_difference",
    "load_proxy",
    "proxy",
    "save_proxy",
    "spsa",
    "with_gradient",
]
