"""What the Evaluate page shows, one module a view. Each has `show(lab, models)`."""
