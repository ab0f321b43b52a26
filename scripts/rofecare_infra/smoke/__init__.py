"""Proof by traffic: the platform does what it is there for."""
