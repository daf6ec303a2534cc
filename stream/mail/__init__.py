"""A mail's bytes into what a filter looks at.

`work` holds the buffers and takes the finds down; `headers` and `parts` walk the message, by what
`masks`, `content` and `decoding` say; `html` gives what a reader would see; `links`, `domains`,
`senders` and `tricks` tell where it comes from and leads to; `words` cuts the text; `names` says
what a find is called. All but the last compiled, pure, linear in the bytes and bounded, whatever
the bytes are: a broken message gives fewer finds and never an error.
"""
