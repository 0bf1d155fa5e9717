"""What a network is: families and backbones as arithmetic, and the modules that are built from them.

Enters a name such as gst-resnet50, or the numbers behind it; leaves a ModelSpec, from which everything else
follows: the widths of every block and group (`specs`, `families`, `backbones`, `widths`), which frames it can
see (`receptive_fields`), which weights read a channel next (`next_layer`). None of these knows torch, so that
costs and names are worked out at once. `registry.build_model` makes the module: `operators` are the temporal
convolutions, `resnet` and `mobilenet` an architecture each, read from top to bottom.
"""
