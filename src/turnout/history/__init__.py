"""What happened: runs found by what a person types, and the index that makes lists, searches and charts fast.

The run directories are the truth and the index is a cache over them: it can be deleted at any time and is rebuilt to
the same content. Nothing here is imported on the way of a submit.
"""
