"""Speed of the op beside others, and the cost of exact moments."""
