"""Results for papers: spreads over draws, comparisons with published figures, tables and a paragraph."""
