"""What the commands in `script/` share."""
