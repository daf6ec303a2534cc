"""A mail's bytes into what a filter looks at.

`work` holds the buffers and takes the finds down; `decoding` undoes transfer encodings; `html`
gives what a reader would see; `hosts` finds links; `headers` and `parts` walk the message; `words`
cuts the text. All compiled, pure, linear in the bytes and bounded, whatever the bytes are: a broken
message gives fewer finds and never an error.
"""
