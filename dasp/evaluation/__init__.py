"""How near a mix comes to another: errors, baselines, listening tests and their statistics."""

from dasp.evaluation.automix_toolkit import percentage_errors
from dasp.evaluation.baselines import anchor, baseline_mixes, baselines, mono_sum, random_mix
from dasp.evaluation.bootstrap import Interval, mean_interval
from dasp.evaluation.comparison import Comparison, compare, evaluate, mean_errors
from dasp.evaluation.metrics import METRICS, Metric, measure_errors
from dasp.evaluation.stimuli import write_stimuli
from dasp.evaluation.tracks import measure_standing, measure_track_errors

__all__ = [
    "METRICS",
    "Comparison",
    "Interval",
    "Metric",
    "anchor",
    "baseline_mixes",
    "baselines",
    "compare",
    "evaluate",
    "mean_errors",
    "mean_interval",
    "measure_errors",
    "measure_standing",
    "measure_track_errors",
    "mono_sum",
    "percentage_errors",
    "random_mix",
    "write_stimuli",
]
