"""Datasets of TFDS by name, with a builder that stands for any of them."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from posbench.datasets import DatasetError, registered


class PosbenchReviews(tfds.core.GeneratorBasedBuilder):
    """A text, another text and a label, as reviews have; train and test only."""

    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
        text = tfds.features.Text()
        features = {'review': text, 'title': text, 'label': tfds.features.ClassLabel(num_classes=2)}
        features['stars'] = tfds.features.ClassLabel(names=['one', 'two', 'three'])
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {'train': self._generate_examples('train', 100), 'test': self._generate_examples('test', 7)}

    def _generate_examples(self, split, count):
        for i in range(count):
            yield i, {'review': f'{split} review {i}, très bon', 'title': f'{split} title {i}', **labels(split, i)}


def labels(split, i):
    """The stars of the test are hidden."""
    return {'label': i % 2, 'stars': i % 3 if split == 'train' else -1}


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp('tfds')
    tfds.display_progress_bar(False)
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    PosbenchReviews(data_dir=path, file_format='array_record').download_and_prepare(download_config=config)
    return path


@pytest.fixture(autouse=True)
def no_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'default'))


def test_documents_are_the_records_of_the_chosen_feature(data_dir):
    source = registered.find('posbench_reviews', data_dir, 'title')
    assert sorted(source.documents('test')) == sorted(f'test title {i}' for i in range(7))
    reviews = registered.find('posbench_reviews:1.0.0', data_dir, 'review')
    assert all(review.endswith('très bon') for review in reviews.documents('validation'))
    assert source.fingerprint != reviews.fingerprint


def test_a_missing_split_is_held_out_of_train_without_overlap(data_dir):
    source = registered.find('posbench_reviews', data_dir, 'title')
    train, validation = list(source.documents('train')), list(source.documents('validation'))
    assert source.sizes == {'train': 95, 'validation': 5, 'test': 7}
    assert sorted(train + validation) == sorted(f'train title {i}' for i in range(100))


@pytest.mark.parametrize('count, each', [(3, 1), (39, 1), (40, 2), (1000, 50)])
def test_held_out_documents_are_shared_by_no_two_splits(count, each):
    splits = registered.hold_out(count, ['validation', 'test'])
    assert sorted(np.concatenate([*splits.values()]).tolist()) == list(range(count))
    assert len(splits['validation']) == len(splits['test']) == each


def test_which_documents_are_held_out_never_changes():
    # i * 0x9E3779B97F4A7C15 mod 2^64 is smallest, among i < 40, for 0 (0), 34 (by Fibonacci), 13 and 26.
    assert registered.hold_out(40, ['validation', 'test'])['validation'].tolist() == [0, 34]
    assert registered.hold_out(40, ['validation', 'test'])['test'].tolist() == [13, 26]


def test_a_text_feature_has_to_be_chosen_among_several(data_dir):
    with pytest.raises(DatasetError, match=r"text features \['review', 'title'\]; choose one"):
        registered.find('posbench_reviews', data_dir, None)
    with pytest.raises(DatasetError, match="no text feature 'label'"):
        registered.find('posbench_reviews', data_dir, 'label')


def test_a_known_dataset_that_is_not_prepared_fails_with_what_to_do(tmp_path):
    with pytest.raises(DatasetError) as error:
        registered.find('lm1b', tmp_path, None)
    message = str(error.value)
    assert str(tmp_path / 'lm1b') in message and str(tmp_path / 'default' / 'lm1b') in message
    assert f'tfds build lm1b --file_format=array_record --data_dir={tmp_path}' in message
    assert '\n' not in message


def test_a_version_that_is_not_there_is_not_replaced_by_another(data_dir):
    with pytest.raises(DatasetError, match='is not prepared'):
        registered.find('posbench_reviews:2.0.0', data_dir, 'title')


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    for typo, meant in ('imdb_review', 'imdb_reviews'), ('wiki40', 'wiki40b'), ('Austin', 'austen'):
        with pytest.raises(DatasetError, match=f"Unknown dataset '{typo}'; did you mean '{meant}'?"):
            registered.find(typo, tmp_path, None, ours=['austen', 'folder'])


def test_a_missing_shard_is_noticed(data_dir, tmp_path):
    folder = tmp_path / 'posbench_reviews' / '1.0.0'
    folder.mkdir(parents=True)
    for path in (data_dir / 'posbench_reviews' / '1.0.0').iterdir():
        if '-test.' not in path.name:
            (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DatasetError, match='0 ArrayRecord files of test, wanted 1'):
        registered.find('posbench_reviews', tmp_path, 'title')


def test_several_prepared_configs_are_listed(tmp_path):
    for config in ('de', 'en'):
        folder = tmp_path / 'wiki40b' / config / '1.3.0'
        folder.mkdir(parents=True)
        (folder / 'dataset_info.json').write_text('{}')
    with pytest.raises(DatasetError, match='choose one: wiki40b/de, wiki40b/en'):
        registered.find('wiki40b', tmp_path, None)
    with pytest.raises(DatasetError, match=r'en/1\.3\.0 is not in the array_record format'):
        registered.find('wiki40b/en', tmp_path, None)


def test_records_have_the_class_of_the_chosen_feature(data_dir):
    source = registered.find_labelled('posbench_reviews', data_dir, 'title', None)
    for split in ('train', 'validation', 'test'):
        numbers = [int(title.split()[-1]) for title in source.documents(split)]
        assert source.labels(split) == [number % 2 for number in numbers] and len(numbers) == source.sizes[split]
    assert source.classes == ('0', '1')
    stars = registered.find_labelled('posbench_reviews', data_dir, 'title', 'stars')
    assert stars.classes == ('one', 'two', 'three')
    assert stars.fingerprint != source.fingerprint


def test_a_split_with_hidden_labels_is_held_out_of_train(data_dir):
    stars = registered.find_labelled('posbench_reviews', data_dir, 'title', 'stars')
    assert stars.sizes == {'train': 90, 'validation': 5, 'test': 5}
    titles = [title for split in stars.sizes for title in stars.documents(split)]
    assert sorted(titles) == sorted(f'train title {i}' for i in range(100))
    assert stars.labels('test') == [int(title.split()[-1]) % 3 for title in stars.documents('test')]


def test_a_feature_of_classes_has_to_be_there(data_dir):
    with pytest.raises(DatasetError, match=r"no feature of classes 'title'; there are \['label', 'stars'\]"):
        registered.find_labelled('posbench_reviews', data_dir, 'title', 'title')
    with pytest.raises(DatasetError, match=r"text features \['review', 'title'\]; choose one by text_feature"):
        registered.find_labelled('posbench_reviews', data_dir, None, 'label')
