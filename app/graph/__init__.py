"""The graph of key dependencies: who may use which key, and what can be read because of it.

`build` puts together what services yield, `questions` asks its structure, `draw` writes it in every form; `svg` and
`text` are the two for people, on the cells of `grid`, the ways of `route`, the places of `labels` and the pixels of
`layout`. Only here is networkx imported, and only inside the functions that need it.
"""
