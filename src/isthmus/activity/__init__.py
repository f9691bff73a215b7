"""What accounts usually do, and an alert where somebody does something else."""
