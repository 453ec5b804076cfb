"""The pages about detectors and the catalogue, and the fragments that case pages ask for."""
