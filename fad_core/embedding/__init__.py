"""From sound to embeddings, and from embeddings to the distance of two sets."""
