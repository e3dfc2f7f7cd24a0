"""Encodings of strangers, each wrong in another way: `Right` is what was meant, `Encoding` is what was written."""

import importlib
import pathlib

from posbench.encodings import base

FOLDER = pathlib.Path(__file__).parent
# The checks that must notice each; others may as well.
NOTICED = {
    'batch_mean': ['a_row_depends_neither_on_batch_size_nor_on_batch_mates'],
    'bfloat16_positions': ['bfloat16_tells_positions_past_256_apart'],
    'buffer_counted': ['how_many_tokens_follow_changes_nothing_unless_claimed_otherwise'],
    'cached_with_neighbours': ['decoding_far_along_equals_reading_at_once'],
    'claims_causal_only': ['only_the_causal_mask_tells_order_where_claimed'],
    'claims_shift': ['adding_one_number_to_all_positions_does_what_is_claimed'],
    'claims_sum': ['embed_adds_a_vector_of_the_position_unless_claimed_otherwise'],
    'documents_run_on': ['no_output_depends_on_another_document_however_far'],
    'drawn_at_evaluation': ['reading_twice_gives_the_same_bits'],
    'first_row_for_all': ['a_row_depends_neither_on_batch_size_nor_on_batch_mates'],
    'float32_activations': ['hooks_keep_the_type_of_the_activations'],
    'forgets_the_carry': ['blocks_of_a_long_sequence_change_nothing'],
    'future_aux': ['no_output_depends_on_a_later_token_however_long_the_sequence'],
    'future_embed': ['no_output_depends_on_a_later_token_however_long_the_sequence'],
    'future_past_100': ['no_output_depends_on_a_later_token_however_long_the_sequence'],
    'future_past_1000': ['no_output_depends_on_a_later_token_however_long_the_sequence'],
    'future_rounded': ['no_output_depends_on_a_later_token_however_long_the_sequence'],
    'ignored_option': ['every_option_changes_something'],
    'keys_past_200': [
        'how_many_tokens_follow_changes_nothing_unless_claimed_otherwise',
        'blocks_of_a_long_sequence_change_nothing',
    ],
    'nan_gradient': ['every_parameter_gets_a_gradient'],
    'nan_past_100000': ['far_outputs_and_gradients_are_finite'],
    'no_margin': ['blocks_of_a_long_sequence_change_nothing'],
    'padding_counted': ['padding_on_either_side_changes_nothing'],
    'positions_from_shape': ['bfloat16_tells_positions_past_256_apart'],
    'scaled_by_highest': ['a_row_depends_neither_on_batch_size_nor_on_batch_mates'],
    'scaled_by_keys': ['blocks_of_a_long_sequence_change_nothing'],
    'scaled_to_length': ['a_longer_context_leaves_the_prefix_alone_unless_claimed_otherwise'],
    'unused_parameter': ['every_parameter_gets_a_gradient'],
}


def names() -> list[str]:
    """The files of this folder."""
    return sorted(path.stem for path in FOLDER.glob('[a-z]*.py'))


def both(name: str) -> tuple[base.PositionEncoding, base.PositionEncoding]:
    """(what was written, what was meant)."""
    module = importlib.import_module(f'{__name__}.{name}')
    return module.Encoding(), module.Right()


def what_is_wrong(name: str) -> str:
    """The first line of the file."""
    return importlib.import_module(f'{__name__}.{name}').__doc__.splitlines()[0]
