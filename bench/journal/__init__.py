"""The one record of all that crossed any link: live log, views over it, filter language, capture file."""
