"""A class: pupils who draw in labs of their own, and what a network learns from all of them."""
