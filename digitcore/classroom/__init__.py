"""A class: pupils with a lab each, and trainings on the drawings of all pupils."""
