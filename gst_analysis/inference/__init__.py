"""Networks and clips in, the logits of every frame out.

`measuring` runs a network over clips, here or shared among processes (`distribution`), and leaves
FrameLogits, which can be saved and read back. `settings` says how; `conditions` holds what is changed
meanwhile and put back afterwards; `classes` orders classes by their logits and refuses data whose classes
are not the network's.
"""
