"""The token store: model, index, database, decision and local lists."""
