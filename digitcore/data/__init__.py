"""Training and test data: augmentation, corruptions, synthetic digits, sample files, and checks of drawings and labels."""
