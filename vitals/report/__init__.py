"""What people read of a model: one self-contained page of its evaluation, and its model card."""
