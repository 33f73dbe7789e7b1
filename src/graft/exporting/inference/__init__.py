"""Scripts that go along with exported weights; they know nothing of Graft."""
