"""Tables in, figures out: matplotlib for print, plotly for the explorer. No torch, no pyplot state."""
