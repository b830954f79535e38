"""Labs that outlive a session: in a database, or in a file."""
