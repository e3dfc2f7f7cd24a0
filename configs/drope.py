"""Rotary embedding, dropped for the last eighth of the steps (Gelberg et al. 2025, arXiv 2512.12167, "DroPE").

A recipe, not an encoding: the one config that also changes `config.second_phase`. As in the paper's model trained from
scratch (section 5.1, appendix C.1) the weights go on without any encoding, on the same data at the same length, with a
new optimizer that warms up for 3.5 % of the phase. With the encoding gone an RMSNorm of queries and keys comes, as the
paper has it for high rates (appendix D.3): in the authors' code one over all heads, here one over each. Two things
differ. The paper raises the learning rate, from 3e-4 to 1e-3; from 3e-3 on, that made validation at the training length
worse. The temperature that the paper fits for every longer length (appendix C.2) is left out.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary')
    config.second_phase.update(encoding=dict(name='none'), qk_norm=True)
    return config
