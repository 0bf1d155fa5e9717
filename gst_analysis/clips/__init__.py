"""Annotation files and videos in, clips as tensors out.

On the way: a reader turns an annotation file's text into entries, `locating` finds their files, `records`
makes a RecordList of them; `decoding` opens a video or a folder of frames, `sampling` chooses frames,
`transforms` makes tensors of them as a ClipSpec says, and `dataset` hands them to a network. `finding` lists
clips that have no annotations, `labelled` is where analyses come in. A clip that cannot be read is named and
counted, never replaced.
"""
