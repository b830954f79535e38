"""Decoding of image files, and the ink of photographs."""
