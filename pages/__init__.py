"""The dashboard: a script a page, and what they are made of."""
