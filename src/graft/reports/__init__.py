"""What one looks at when a run is over; made from run folders alone."""
