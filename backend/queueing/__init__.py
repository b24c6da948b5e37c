"""The job queue: names, connection, the embedded server, enqueuing. No torch below this point."""
