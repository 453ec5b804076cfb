"""The shapes that go over the wire: names that others rely on, each added on purpose."""
