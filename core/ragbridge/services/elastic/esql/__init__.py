"""ES|QL: texts of queries with their parameters, and the method that runs them."""
