"""Training of the four components. Nothing here is imported when one only clones."""
