"""One module per subject; each view reads its input, calls one function and shows the result."""
