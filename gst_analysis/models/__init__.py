"""Networks: temporal operators, backbones and the registry that joins them."""
