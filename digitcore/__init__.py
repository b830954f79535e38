"""The library under Digit Lab: pictures to digits, digits to probabilities, samples to better models.

It never imports streamlit, so everything here also works from a script, a notebook or the command line.
"""
