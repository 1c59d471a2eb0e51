"""The methods of ``Elastic``, by family: each checks what it is given and says what to do; tasks do it."""
