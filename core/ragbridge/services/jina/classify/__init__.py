"""Classification, by labels and by trained classifiers."""
