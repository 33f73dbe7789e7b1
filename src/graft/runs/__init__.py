"""What a training leaves behind: its folder, its state, its records, and how it stops and goes on."""
