"""Parts of pages. One with JavaScript, CSS or a template has a folder with those files."""
