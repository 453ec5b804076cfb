"""Threats as data: one folder per typology, loaded by `manage.py load_typologies`."""
