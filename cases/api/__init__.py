"""The portal for programs: the same rows, rules and verbs as the pages, as JSON."""
