"""Claims quoted from the paper, constructs, hypotheses, and the models that test them."""
