"""Programs in, executions out: sandboxes, the runner inside them, workers and the queue.

Nothing here judges a program or knows of models: rewards, services and whole-program runs use it alone.
"""
