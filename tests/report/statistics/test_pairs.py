"""Tests of pairs against all signs, all families of hypotheses, scipy and simulation; letters by what they mean."""

import itertools
import math
import re

import numpy as np
import pytest
from scipy import stats

from posbench.report.statistics import agreement, detectable, equivalence, letters, paired

RNG = np.random.default_rng(11)


def signs(count: int) -> np.ndarray:
    return np.array(list(itertools.product((-1, 1), repeat=count)), float)


@pytest.mark.parametrize('count', [1, 3, 10])
def test_sign_flips_are_all_tried(count):
    difference_N = RNG.normal(0.5, 1, size=count)
    reached = np.abs((signs(count) * difference_N).mean(axis=1)) >= abs(difference_N.mean()) - 1e-12
    assert paired.sign_flip(difference_N) == pytest.approx(reached.mean())
    order = RNG.permutation(count)
    assert paired.sign_flip(-difference_N[order]) == paired.sign_flip(difference_N)


def test_sign_flips_are_scipys_permutations_drawn_or_tried():
    few, many = RNG.normal(0.4, 1, size=8), RNG.normal(0.4, 1, size=24)
    for difference_N, near in ((few, 1e-9), (many, 0.01)):
        found = stats.permutation_test((difference_N,), np.mean, permutation_type='samples', n_resamples=4000, rng=0)
        assert paired.sign_flip(difference_N) == pytest.approx(found.pvalue, abs=near)


def test_equal_differences_reach_what_they_are_whatever_the_last_bits_say():
    # Of 0.1 + 0.2 + ... in another order.
    assert paired.sign_flip([0.1, 0.2, 0.3]) == paired.sign_flip([0.3, 0.1, 0.2]) == 0.25
    assert paired.sign_flip([0.0, 0.0]) == paired.wilcoxon([0.0, 0.0]) == 1.0


@pytest.mark.parametrize('difference_N', [RNG.normal(0.5, 1, size=7), np.array([0.0, 1, -2, 3, 4, 5, 6])])
def test_wilcoxon_is_that_of_all_signs_of_the_ranks(difference_N):
    rank_N = stats.rankdata(np.abs(difference_N)) * np.sign(difference_N)
    # Pratt: zeros have taken part in the ranks and have no sign.
    reached = np.abs((signs(7) * rank_N).sum(axis=1)) >= abs(rank_N.sum()) - 1e-9
    assert paired.wilcoxon(difference_N) == pytest.approx(reached.mean())


@pytest.mark.parametrize('p_M', [[0.01, 0.04, 0.03, 0.005], [0.2, 0.2, 0.9], [0.5], list(RNG.uniform(size=6) ** 3)])
def test_holm_rejects_what_all_families_with_a_test_reject(p_M):
    """By closed testing: a hypothesis falls where Bonferroni rejects every intersection that it is part of."""
    tests = range(len(p_M))
    families = [some for n in range(1, len(p_M) + 1) for some in itertools.combinations(tests, n)]
    wanted = [max(min(1, len(some) * min(p_M[i] for i in some)) for some in families if m in some) for m in tests]
    assert paired.holm(p_M).tolist() == pytest.approx(wanted)


@pytest.mark.parametrize('test', [paired.sign_flip, paired.wilcoxon])
def test_all_pairs_are_one_family(test):
    value_EN = np.arange(3)[:, None] * 0.4 + RNG.normal(size=(3, 9)) * 0.3
    p_EE = paired.all_pairs(value_EN, test)
    wanted = paired.holm([test(value_EN[a] - value_EN[b]) for a, b in ((0, 1), (0, 2), (1, 2))])
    assert [p_EE[0, 1], p_EE[0, 2], p_EE[1, 2]] == wanted.tolist()
    assert np.array_equal(p_EE, p_EE.T) and p_EE.diagonal().tolist() == [1, 1, 1]
    value_EN[1, 4] = math.nan
    p_EE = paired.all_pairs(value_EN, test)
    assert np.isnan(p_EE[1, [0, 2]]).all() and p_EE[0, 2] == pytest.approx(test(value_EN[0] - value_EN[2]) * 3)
    assert letters.letters(p_EE < 0.05)[1] != ''


def test_a_test_that_could_not_be_made_counts_as_one_of_the_family():
    assert paired.holm([0.01, math.nan, 0.04]).tolist() == pytest.approx([0.03, math.nan, 0.08], nan_ok=True)
    assert math.isnan(paired.sign_flip([1.0, math.nan])) and math.isnan(paired.wilcoxon([1.0, math.inf]))
    with pytest.raises(ValueError, match=r'wanted them between 0 and 1'):
        paired.holm([0.1, 1.2])
    with pytest.raises(ValueError, match=r'wanted one for each pair'):
        paired.sign_flip([])


@pytest.mark.parametrize(
    ('shift', 'spread', 'word'), [(0.0, 1, 'equivalent'), (0.9, 1, 'different'), (0.2, 4, 'undecided')]
)
def test_equivalence_is_two_one_sided_tests(shift, spread, word):
    difference_N = spread * np.array([-0.1, 0.12, 0.05, -0.07, 0.0]) + shift
    found = equivalence.tost(difference_N, margin=0.3)
    above = stats.ttest_1samp(difference_N, -0.3, alternative='greater').pvalue
    below = stats.ttest_1samp(difference_N, 0.3, alternative='less').pvalue
    assert found.p == pytest.approx(max(above, below)) and found.word == word
    assert found.difference_p == pytest.approx(stats.ttest_1samp(difference_N, 0).pvalue)
    # Two views of one thing: the 90 % interval lies within the margin.
    assert (found.word == 'equivalent') == (found.low > -0.3 and found.high < 0.3)
    mirrored = equivalence.tost(-difference_N, margin=0.3)
    assert (mirrored.p, mirrored.high) == pytest.approx((found.p, -found.low)) and mirrored.word == word


def test_differences_without_spread_or_value_are_judged_by_what_they_are():
    assert equivalence.tost([0.1, 0.1], 0.2).word == 'equivalent' and equivalence.tost([0.0, 0.0], 0.2).p == 0
    assert equivalence.tost([0.3, 0.3], 0.2).word == 'different'
    assert equivalence.tost([0.0, math.nan, 0.0], 0.2).word == 'undecided'
    for difference_N, margin in (([0.1], 0.2), ([0.1, 0.2], 0.0), ([0.1, 0.2], math.nan)):
        with pytest.raises(ValueError, match='wanted'):
            equivalence.tost(difference_N, margin)


def test_the_detectable_effect_is_found_as_often_as_it_says():
    drawn = np.random.default_rng(0).normal(size=(20_000, 5))
    for deviation, power in ((1.0, 0.8), (0.2, 0.5)):
        effect = detectable.effect(5, deviation, power=power)
        p = stats.ttest_1samp(effect + deviation * drawn, 0, axis=1).pvalue
        assert (p < 0.05).mean() == pytest.approx(power, abs=0.01)


def test_half_a_deviation_takes_34_pairs():
    """The well-known n for d = 0.5, alpha 5 %, power 80 % (Cohen's tables; G*Power gives it too)."""
    assert detectable.effect(34, 1.0) < 0.5 < detectable.effect(33, 1.0)


def test_few_seeds_detect_little():
    found = [detectable.effect(pairs, 0.1) for pairs in (1, 2, 3, 5, 10, 100)]
    assert found == sorted(found, reverse=True) and math.isinf(found[0])
    assert detectable.effect(3, 0.0) == 0 and math.isnan(detectable.effect(3, math.nan))
    with pytest.raises(ValueError, match='got 0 pairs'):
        detectable.effect(0, 1.0)


@pytest.mark.parametrize('seed', range(20))
def test_two_runs_share_a_letter_exactly_where_they_are_not_told_apart(seed):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.uniform(size=(9, 9)) < rng.uniform(), 1)
    different_EE = upper | upper.T
    found = [set(re.findall(r'[a-z]\d*', one)) for one in letters.letters(different_EE)]
    for a, b in itertools.combinations(range(9), 2):
        assert bool(found[a] & found[b]) != different_EE[a, b]
    columns = [{run for run in range(9) if letter in found[run]} for letter in set().union(*found)]
    assert not any(one < other for one, other in itertools.permutations(columns, 2))
    assert 'a' in found[0]


def test_letters_of_neighbours_overlap():
    rank_E = np.array([1.0, 2.0, 3.0, 5.0])
    assert letters.letters(np.abs(rank_E[:, None] - rank_E) > 1.5) == ['a', 'ab', 'b', 'c']
    assert letters.letters(np.zeros((3, 3))) == ['a', 'a', 'a'] and letters.letters(np.zeros((0, 0))) == []
    assert letters.letters(~np.eye(28, dtype=bool))[25:] == ['z', 'a1', 'b1']
    # Told apart in pairs: every choice of one of each pair is a group, 2 to the power of 15 of them.
    pairs = np.kron(np.eye(15, dtype=bool), ~np.eye(2, dtype=bool))
    assert letters.letters(pairs[:8, :8])[0] == 'abcdefgh' and letters.letters(pairs) == [''] * 30
    for wrong in (np.eye(2), np.array([[0, 1], [0, 0]]), np.zeros((2, 3))):
        with pytest.raises(ValueError, match='wanted a symmetric relation'):
            letters.letters(wrong)


def test_kendalls_tau_counts_pairs_and_corrects_for_ties():
    first = dict(zip('abcdef', [5, 4, 4, 2, 1, math.nan]))
    second = dict(zip('fedcba', [1, 2, 3, 3, 5, 4]))
    value = {name: (-math.inf if math.isnan(x) else x, second[name]) for name, x in first.items()}
    pairs = [[np.sign(value[a][i] - value[b][i]) for i in (0, 1)] for a, b in itertools.combinations(value, 2)]
    agree, untied = sum(x * y for x, y in pairs), [sum(pair[i] != 0 for pair in pairs) for i in (0, 1)]
    assert agreement.kendall(first, second).tau == pytest.approx(agree / math.sqrt(untied[0] * untied[1]))
    assert agreement.kendall(second, second).tau == pytest.approx(1)
    assert math.isnan(agreement.kendall(dict.fromkeys('ab', 1.0), {'a': 1, 'b': 2}).tau)
    with pytest.raises(ValueError, match='got 2 and 1 runs, b on one side alone'):
        agreement.kendall({'a': 1, 'b': 2}, {'a': 1})
