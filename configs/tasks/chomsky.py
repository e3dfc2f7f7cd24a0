"""The fifteen tasks of the Chomsky hierarchy (Deletang et al. 2023, arXiv 2207.02098), for an encoder of blanks.

python launch.py --config=configs/tasks/chomsky.py --config.task.name=chomsky/even_pairs --workdir=/tmp/even_pairs

regular                      even_pairs, modular_arithmetic, parity_check, cycle_navigation
deterministic context-free   stack_manipulation, reverse_string, modular_arithmetic_brackets, solve_equation
context-sensitive            duplicate_string, missing_duplicate_string, odds_first, binary_addition,
                             binary_multiplication, compute_sqrt, bucket_sort

What is asked is 1 to 40 long in training, and up to eight times as long when scored. Ruoss et al. 2023 (arXiv
2305.16843) compare encodings on them: five layers of width 64 with eight heads and a dropout of 0.1, batches of 128,
two million steps of Adam at 1e-4, 3e-4 or 5e-4, scored at every length from 41 to 500, and of ten seeds the best. In
reach of a laptop by three layers, batches of 64, a higher learning rate and 2,000 steps. Each row has a length of its
own, where theirs have one a batch. `--config.task.pairs=true` puts two questions into each row of training, of lengths
that make up one sum: as many of them in half the batch size, and in half the time.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='chomsky/reverse_string')
    config.dataset = None
    config.encoding = dict(name='rotary')
    config.model.update(name='encoder', layers=3, width=64, heads=8, hidden=256)
    config.train.update(length=40, batch_size=64, steps=2000)
    config.optimizer.update(learning_rate=1e-3, weight_decay=0.0)
    return config
