"""Model matrices, discrepancies, and the engines that minimise them."""
