"""What the numbers of several seeds, tasks and runs allow to be said.

    summary       mean over seeds with an interval           scores        runs x tasks x seeds, whole or an error
    aggregate     mean, IQM, median, optimality gap          differences   of two runs, over seeds or over tasks
    success       share of seeds above a threshold           improvement   probability that one run beats another
    profiles      share of values above every threshold      ranks         average ties, ranges of ranks
    friedman      do ranks differ, and by how much           letters       groups that cannot be told apart
    paired        sign-flip, Wilcoxon, Holm                  equivalence   TOST: the same, within a margin
    detectable    the least effect that n seeds can show     skill         what is beyond chance
    by_length     area over log length, where half is lost   agreement     Kendall's tau of two rankings
    strata        paired t-test, each task a stratum         effects     of one choice of a grid among others

Arrays are float64, greater is better unless a function has a `lower`, and NaN is a value: a seed that diverged. Where
an order is asked it is the worst there is; where a sum is, the sum is NaN and has no interval. What was not run has no
place in an array; scores.py says what to do with it. NumPy, and scipy where it has the test.
"""

from posbench.report.statistics.resampling import CONFIDENCE, MIN_SEEDS, RESAMPLES
from posbench.report.statistics.summary import Summary, summarize

__all__ = ['CONFIDENCE', 'MIN_SEEDS', 'RESAMPLES', 'Summary', 'summarize']
