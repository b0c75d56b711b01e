"""The console's tables: `keeping` writes what was decided, `reading` answers the pages."""
