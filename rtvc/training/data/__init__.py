"""The recordings that the stages learn from: where they come from, how they are kept, what is made of them."""
