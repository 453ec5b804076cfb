"""How people prove who they are: beside the sign-in pages, tokens and the second look."""
