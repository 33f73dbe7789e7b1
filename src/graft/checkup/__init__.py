"""What a machine has and lacks for a training: findings, each with what to do about it."""
