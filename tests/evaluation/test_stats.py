import numpy as np
import pytest
import scipy.stats

from dasp.evaluation.stats import (
    load_ratings,
    normality_table,
    pairs_table,
    report,
    save_violins,
    stars,
)


def test_groups_apart_have_known_answers():
    """Six ratings of two mixes, without ties: H and U by their definitions."""
    result = report({"low": [0.1, 0.2, 0.3], "high": [0.4, 0.5, 0.6]})
    n, ranks = 6, (1 + 2 + 3, 4 + 5 + 6)
    h = 12 / (n * (n + 1)) * sum(r**2 / 3 for r in ranks) - 3 * (n + 1)
    assert result.h == pytest.approx(h)
    assert result.p == pytest.approx(scipy.stats.chi2.sf(h, 1))
    (pair,) = result.pairs
    assert (pair.u, pair.effect) == (0.0, -1.0)
    assert pair.p == pytest.approx(2 / 20)  # Two of the 20 ways to choose three of six.
    assert result.medians == {"low": 0.2, "high": 0.5}


def test_effects_count_pairs_of_ratings():
    a, b = np.random.default_rng(0).normal(size=(2, 15))
    a[0] = b[0]
    higher, lower = sum(x > y for x in a for y in b), sum(x < y for x in a for y in b)
    assert report({"a": a, "b": b}).pairs[0].effect == pytest.approx((higher - lower) / 15**2)


def test_p_is_multiplied_by_the_number_of_pairs_and_at_most_one():
    draw = np.random.default_rng(1)
    ratings = {name: draw.normal(shift, 1, 20) for name, shift in (("a", 0), ("b", 0), ("c", 2))}
    result = report(ratings)
    assert len(result.pairs) == 3
    for pair in result.pairs:
        raw = scipy.stats.mannwhitneyu(ratings[pair.first], ratings[pair.second]).pvalue
        assert pair.p == pytest.approx(min(1.0, 3 * raw))
    assert result.pair("b", "a").p == 1.0


@pytest.fixture
def drum_test():
    """As many ratings as the test of drum mixes had, made so that its verdicts are known:

    two networks as good as the engineer, a forest that is worse, its wet mix worse still, and an
    anchor at the bottom; skewed, as scales with ends make them.
    """
    draw = np.random.default_rng(2)
    centres = {
        "anchor": 0.02, "RF dry": 0.35, "RF wet": 0.08,
        "ref dry": 0.65, "ref wet": 0.65, "WUN dry": 0.65, "WUN wet": 0.65,
    }  # fmt: skip
    return {name: draw.beta(3 * c, 3 * (1 - c), 120) for name, c in centres.items()}


def test_the_shape_of_the_drum_mixing_tables(drum_test):
    result = report(drum_test)
    assert len(result.pairs) == 21 and set(result.counts.values()) == {120}
    assert result.h > 300 and result.p < 1e-60
    assert all(test.p < 0.01 for test in result.normality.values())
    good = ("ref dry", "ref wet", "WUN dry", "WUN wet")
    for i, first in enumerate(good):
        for second in good[i + 1 :]:
            assert stars(result.pair(first, second).p) == "o"
        for bad in ("anchor", "RF dry", "RF wet"):
            assert stars(result.pair(first, bad).p) == "***"
    head, _, *rows = pairs_table(result).splitlines()
    assert head == "|  | anchor | RF dry | RF wet | ref dry | ref wet | WUN dry | WUN wet |"
    assert len(rows) == 7 and rows[0].startswith("| anchor | . | *** (-")
    effect = result.pair("anchor", "ref dry").effect  # Of the anchor over the reference.
    assert effect < -0.95 and rows[3].startswith(f"| ref dry | *** ({-effect:+.2f})")
    head, _, w, p = normality_table(result).splitlines()
    assert (
        head
        == "| Shapiro-Wilk | anchor | RF dry | RF wet | ref dry | ref wet | WUN dry | WUN wet |"
    )
    expected = scipy.stats.shapiro(drum_test["anchor"])
    assert w.startswith(f"| W | {expected.statistic:.3f} |")
    assert p.startswith(f"| p | {expected.pvalue:.2e} |")


def test_ratings_of_a_csv_with_a_row_a_rating(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(
        "participant,song,mix,rating\n1,a,ours,0.5\n1,a,anchor,0\n2,a,ours,0.75\n3,a,ours,\n"
    )
    assert load_ratings(path) == {"ours": [0.5, 0.75], "anchor": [0.0]}
    path.write_text("mix,rating\nours,good\n")
    with pytest.raises(ValueError, match="line 2: expected a number, got 'good'"):
        load_ratings(path)


def test_ratings_of_a_csv_with_a_column_a_mix(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("\ufeffours,anchor\n0.5,0\n,0.1\n", encoding="utf-8")
    assert load_ratings(path) == {"ours": [0.5], "anchor": [0.0, 0.1]}


def test_too_little_is_refused():
    with pytest.raises(ValueError, match="at least two mixes"):
        report({"a": [1, 2, 3]})
    with pytest.raises(ValueError, match="three numbers or more for 'b'"):
        report({"a": [1, 2, 3], "b": [1, float("nan"), 2]})


def test_violins_are_drawn(drum_test, tmp_path):
    pytest.importorskip("matplotlib")
    save_violins(tmp_path / "v.png", drum_test)
    head = (tmp_path / "v.png").read_bytes()[:24]
    assert head[:4] == b"\x89PNG" and int.from_bytes(head[16:20], "big") > 500
