"""What calls take and return: frozen values."""
