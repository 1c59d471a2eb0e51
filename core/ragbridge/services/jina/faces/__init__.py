"""The methods of ``Jina``, by family: each checks what it is given and says what to do; products do it."""
