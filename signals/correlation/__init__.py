"""From what the door took in to scores, links, rings and cases."""
