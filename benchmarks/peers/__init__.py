"""Small, fair programs in the manner of the usual stack, measured beside Digit Lab."""
