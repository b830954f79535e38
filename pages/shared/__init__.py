"""What all pages share: the session's state, the caches, the frame around each page."""
