"""New choices for the groups: files that are written once, from templates, with a test for each."""
