"""Parts that several pages use. A part with JavaScript, CSS or a template has its own folder."""
