"""What tests share: importable, and no test itself."""
