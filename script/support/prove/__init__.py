"""Proofs of reliability: something is killed at random moments, and at the end all is counted."""
