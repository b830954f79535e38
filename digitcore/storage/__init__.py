"""Storage of labs in a database or in a file."""
