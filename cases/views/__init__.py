"""The pages. Each reads its input, calls one function below, and shows the result."""
