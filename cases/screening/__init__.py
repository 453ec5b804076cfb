"""Screening people, companies and identifiers against official lists.

`formats` read the lists as they are published, `lists` stores their versions, `names`, `korean`,
`index` and `matching` compare without touching the database, `engine` holds the stored lists in
memory, `subjects` turns accounts into questions and answers into hits, `hits` is what people do
with them. Nothing here ever clears a hit.
"""
