"""What the Haystack components of ragbridge share."""
