"""The larger parts of the pages, one module each: the views of Evaluate, the drawers of Draw."""
