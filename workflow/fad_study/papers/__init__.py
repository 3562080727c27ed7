"""What a paper takes from a study: spreads over draws, published figures beside ours, tables and words."""
