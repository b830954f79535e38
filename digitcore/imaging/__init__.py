"""What stands before a digit: image files of strangers, and photographs of paper."""
