"""What networks are trained and tested on, and what is known of a drawing."""
