"""The novels as a TFDS dataset: one record for each chapter, in the order of the book, splits of whole novels."""

from collections.abc import Iterator

import tensorflow_datasets as tfds

from posbench.datasets import austen


class Builder(tfds.core.GeneratorBasedBuilder):
    """`tfds.data_source('austen', data_dir=...)`, once this module is imported; needs neither network nor TensorFlow.

    Joining the records of one title gives the novel.
    """

    VERSION = tfds.core.Version('1.0.0')

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=austen.__doc__,
            features=tfds.features.FeaturesDict({'title': tfds.features.Text(), 'text': tfds.features.Text()}),
            homepage='https://packages.debian.org/r-cran-janeaustenr',
            license='Public domain.',
            disable_shuffling=True,  # A chapter follows the one before it.
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(titles) for split, titles in austen.SPLITS.items()}

    def _generate_examples(self, titles: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
        chapters = [(title, chapter) for title in titles for chapter in austen.chapters(austen.novel(title))]
        for index, (title, chapter) in enumerate(chapters):
            yield index, {'title': title, 'text': chapter}
