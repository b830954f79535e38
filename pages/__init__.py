"""The dashboard: one script per page, and the parts of the pages."""
