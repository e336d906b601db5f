"""The graph of key dependencies: who may use which key, and what can be read because of it.

    build                     what services yield, put together; the difference of two graphs
    questions                 what its structure answers: resting on, paths, independence, selections
    who, things, reading      principals and things, and the ways by which the one reads the other, tried in forks
    roles, hand, trying       who may become whom; what somebody does in a fork; one attempt
    readers, edits, impact    who can read; edits of a world, and what each takes from whom
    asking, telling           the questions that doors offer, their JSON and words
    draw, marks, text, svg    every form; the last two for people, on `grid`, `route`, `labels`, `names` and `layout`

Only here is networkx imported, and only inside the functions that need it: for exports, since questions follow edges.
"""
