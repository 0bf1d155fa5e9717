"""Files on disk to recognised networks, and back.

Enters a file of any supported layout; leaves a Checkpoint (spec, clip spec, labels, weights under our names)
or a LoadedModel, which is a Checkpoint with its network. Nothing in a file is executed, nothing is guessed
silently, and whatever the weights do not show is said in the notes. `sources` is where analyses come in, with
a path or with what was loaded before; `naming` knows names and files without reading any.
"""
