"""The dashboard: one script for each page, and the parts of the pages."""
