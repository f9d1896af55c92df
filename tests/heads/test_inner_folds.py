import numpy as np

from headstart.heads.inner_folds import inner_folds


def random() -> np.random.RandomState:
    return np.random.RandomState(4)


def test_each_fold_has_its_share_of_each_class() -> None:
    codes = np.repeat([0, 1, 2], [50, 23, 7])
    folds = inner_folds(codes, None, random(), 5)
    counts = np.array([np.bincount(folds[codes == code], minlength=5) for code in range(3)])
    assert counts[0].tolist() == [10] * 5
    assert sorted(counts[1].tolist()) == [4, 4, 5, 5, 5]
    assert sorted(counts[2].tolist()) == [1, 1, 1, 2, 2]


def test_groups_stay_together_and_folds_stay_even() -> None:
    draw = np.random.default_rng(0)
    groups = draw.integers(0, 60, 300)
    codes = (groups % 3 == 0).astype(np.int64)
    folds = inner_folds(codes, groups, random(), 5)
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
    for code in (0, 1):
        counts = np.bincount(folds[codes == code], minlength=5)
        assert counts.max() - counts.min() <= 3


def test_groups_of_one_row_are_no_groups() -> None:
    codes = np.arange(40) % 3
    alone = inner_folds(codes, np.array([f"g{i}" for i in range(40)]), random(), 5)
    np.testing.assert_array_equal(alone, inner_folds(codes, None, random(), 5))


def test_a_class_never_leaves_the_training_rows() -> None:
    codes = np.array([0] * 10 + [1] * 4 + [2])
    groups = np.array([*range(10), 77, 77, 77, 77, 78])
    folds = inner_folds(codes, groups, random(), 5)
    assert (folds[codes > 0] == -1).all()
    assert np.bincount(folds[codes == 0]).tolist() == [2] * 5


def test_folds_are_numbered_without_gaps() -> None:
    folds = inner_folds(np.array([0, 0, 1]), None, random(), 5)
    assert sorted(folds.tolist()) == [-1, 0, 1]
    assert inner_folds(np.array([0, 1]), None, random(), 5).tolist() == [-1, -1]
