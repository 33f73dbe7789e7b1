"""The configuration: its schema, its errors in the user's words, and the one place that instantiates.

Nothing heavy is imported here; importing this package imports none of its modules.
"""
