"""What many runs say together; from run folders alone, and without torch."""
