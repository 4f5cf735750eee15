"""What must hold before anything is published, and what people should know about."""
