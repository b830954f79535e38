"""The larger parts of the pages, a folder for each page and a module for each view."""
