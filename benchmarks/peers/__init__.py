"""Small programs in the style of common tutorials, which are compared with Digit Lab."""
