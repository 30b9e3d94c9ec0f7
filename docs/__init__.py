"""The pages, and what builds a site of them (`building`)."""
