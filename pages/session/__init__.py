"""A visitor's session: what it owns, where that is kept, and what all sessions share."""
