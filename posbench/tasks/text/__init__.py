"""Language: predict the next token of real text."""
