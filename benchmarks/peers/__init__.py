"""Networks of others: where they come from, how photos go in and maps come out."""
