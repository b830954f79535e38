"""The session of a visitor, its storage, and the resources that all sessions share."""
