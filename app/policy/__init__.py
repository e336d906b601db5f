"""The policy language: documents, and whether they allow what is asked.

Knows no service, no world and no clock: a `Question` goes in, a `Decision` comes out. From the text upwards:
scan (JSON with places), match and variables (text), operators and conditions, principals, statement, grammar and
reader, document; then asked and layers (what each policy says), decide (what they come to), trace and messages (what
is told). causes.py and inferred.py are the two closed tables that the rest of reseal reads.
"""
