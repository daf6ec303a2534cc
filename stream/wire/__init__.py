"""Kafka's record format (magic 2), all records of a batch in one compiled call.

kafka-python reads and writes it in plain Python, byte by byte, and makes several objects for each
record: a half of what a core can do goes there. What a batch is besides its records (header,
checksum, compression, transactions) stays the library's business.
"""
