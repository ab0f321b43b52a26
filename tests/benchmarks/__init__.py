"""Measurements that print a table, and assert nothing."""
