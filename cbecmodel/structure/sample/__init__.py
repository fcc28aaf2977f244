"""From the user's data frame to sample moments, complete or not."""
