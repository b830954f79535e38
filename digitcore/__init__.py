"""The library under Digit Lab: images to digits, digits to probabilities, samples to better models.

Nothing here imports Streamlit, so everything also works from a script, a notebook or the command line.
"""
