"""Folders of the user's cache with what is made once of texts: checked when opened, listed, removed."""
