"""The truth: exact gradients by enumeration, and the definitions that others are compared with."""
