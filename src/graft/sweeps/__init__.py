"""Many runs under one search: its space, its study on disk, its trials in folders; Optuna samples, prunes and keeps."""
